// @ts-check
/** Days and times as the reader's own country writes them, in the language of the page. */

import { locale } from "./language.js";

/** The browser's own way of writing the page's language: `en-GB` has another clock than `en-US`. */
function regional() {
  const own = navigator.languages.find((tag) => tag.toLowerCase().split("-")[0] === locale());
  return own ?? locale();
}

/** @param {Date} moment */
export function clockTime(moment) {
  return moment.toLocaleTimeString(regional(), { hour: "2-digit", minute: "2-digit" });
}

/** With the seconds. @param {Date} moment */
export function exactTime(moment) {
  const isToday = isSameDay(moment, new Date());
  const time = moment.toLocaleTimeString(regional());
  return isToday ? time : `${dayOf(moment)}, ${time}`;
}

/** @param {Date} moment */
export function dayOf(moment) {
  const isThisYear = moment.getFullYear() === new Date().getFullYear();
  const year = isThisYear ? {} : { year: /** @type {const} */ ("numeric") };
  return moment.toLocaleDateString(regional(), { day: "numeric", month: "short", ...year });
}

/** The time of today; of another day its date too. @param {Date} moment */
export function momentOf(moment) {
  return isSameDay(moment, new Date()) ? clockTime(moment) : `${dayOf(moment)}, ${clockTime(moment)}`;
}

/** With its year. @param {Date} moment */
export function monthOf(moment) {
  const text = moment.toLocaleDateString(regional(), { month: "long", year: "numeric" });
  return text.charAt(0).toLocaleUpperCase(locale()) + text.slice(1);
}

/** Days from then to now, by the calendar. @param {Date} moment */
export function daysAgo(moment) {
  const midnight = (/** @type {Date} */ of) => new Date(of.getFullYear(), of.getMonth(), of.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(moment)) / 86_400_000);
}

/** @param {Date} moment */
export function timeOf(moment) {
  const time = document.createElement("time");
  time.className = "message-time";
  time.dateTime = moment.toISOString();
  time.dataset.moment = "";
  tell(time, moment);
  return time;
}

/**
 * @param {HTMLTimeElement} time
 * @param {Date} moment
 */
function tell(time, moment) {
  time.title = moment.toLocaleString(regional(), { dateStyle: "full", timeStyle: "medium" });
  time.textContent = momentOf(moment);
}

/** Seconds with one digit: nothing takes no time at all. @param {number} seconds */
export function tenths(seconds) {
  const isLess = seconds < 0.05;
  const text = (isLess ? 0.1 : seconds).toLocaleString(locale(), { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return isLess ? `< ${text}` : text;
}

/** Writes all of them anew, in the language of now. */
export function retellMoments() {
  for (const time of document.querySelectorAll("time[data-moment]")) {
    if (time instanceof HTMLTimeElement) tell(time, new Date(time.dateTime));
  }
}

/**
 * @param {Date} one
 * @param {Date} other
 */
function isSameDay(one, other) {
  return one.toDateString() === other.toDateString();
}

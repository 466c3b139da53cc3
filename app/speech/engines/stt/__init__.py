"""Speech to text, behind one interface (`app.speech.base.Recogniser`): `local` and `azure`."""

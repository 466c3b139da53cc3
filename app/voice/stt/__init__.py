"""Speech to text, behind one interface (`app.voice.base.Recogniser`): `local` and `azure`."""

"""The life of sessions: opened, stored, recovered, ended, erased."""

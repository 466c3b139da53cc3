"""`service=name`: what stands under a name in `pg_service.conf`."""

import configparser
from pathlib import Path

_OF_THE_SYSTEM = Path("/etc/postgresql-common/pg_service.conf")


def service_parameters(service: str, file: str) -> dict[str, str]:
    """Return the parameters of a service, from the file that is named, or the user's, or the system's.

    Raises:
        ValueError: There is no such service.
    """
    own = Path(file) if file else Path.home() / ".pg_service.conf"
    for path in (own, _OF_THE_SYSTEM):
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            raise ValueError("names a service, and its file cannot be read") from None
        if parser.has_section(service):
            return {name: value for name, value in parser.items(service) if value}
    raise ValueError("names a service that stands in no pg_service.conf")

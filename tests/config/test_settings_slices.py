"""Settings by subject: each stands in one slice, and no slice takes away another's checks."""

from collections import Counter

import pytest
from pydantic_settings import BaseSettings

from config.access_settings import AccessSettings
from config.agent_settings import AgentSettings
from config.fleet_settings import FleetSettings
from config.limit_settings import LimitSettings
from config.model_settings import AzureSettings, ModelSettings
from config.page_settings import PageSettings
from config.phone_settings import PhoneSettings
from config.server_settings import ServerSettings
from config.settings import Settings
from config.settings_slice import SettingsSlice
from config.storage_settings import StorageSettings
from config.tool_settings import ToolSettings
from config.trace_settings import TraceSettings
from config.voice_settings import VoiceSettings

SLICES = (
    AzureSettings,
    ModelSettings,
    AgentSettings,
    ServerSettings,
    AccessSettings,
    LimitSettings,
    PageSettings,
    ToolSettings,
    VoiceSettings,
    StorageSettings,
    TraceSettings,
    FleetSettings,
    PhoneSettings,
)

each_slice = pytest.mark.parametrize("part", SLICES, ids=lambda part: part.__name__)


def test_every_setting_stands_in_one_slice() -> None:
    declared = Counter(name for part in SLICES for name in part.__annotations__)

    assert set(declared) == set(Settings.model_fields)
    assert [name for name, times in declared.items() if times > 1] == []


def test_the_whole_is_the_slices_and_nothing_else() -> None:
    assert set(Settings.__mro__) - set(SLICES) == {Settings, *SettingsSlice.__mro__}


def test_no_name_of_a_slice_replaces_another_ones() -> None:
    """A validator of the same name would be lost in `Settings`, and nobody would hear of it."""
    names = Counter(
        name
        for part in (SettingsSlice, *SLICES)
        for name in vars(part)
        if not name.startswith("__") and name not in vars(BaseSettings) and name != "_abc_impl"
    )

    made_by_pydantic = {name for name in names if name.startswith("model_")}
    assert [name for name in set(names) - made_by_pydantic if names[name] > 1] == []


@each_slice
def test_slice_is_read_by_itself(part: type[SettingsSlice], monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool or a script need not have all the rest be right."""
    monkeypatch.setenv("TOOL_TIMEOUT_S", "wrong" if part is not ToolSettings else "7")

    found = part(_env_file=None)

    assert found.model_fields_set == ({"tool_timeout_s"} if part is ToolSettings else set())


@each_slice
def test_bytes_that_are_no_text_are_refused_in_every_slice(part: type[SettingsSlice]) -> None:
    for name in part.model_fields:
        with pytest.raises(ValueError, match="is not UTF-8"):
            part(_env_file=None, **{name: "\udcff"})

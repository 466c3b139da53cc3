"""streamdouble as it is: it places a call by a scenario, over a good network or a bad one, and reports."""

import asyncio
import json
import sys
from typing import Any

from streamdouble.api import CallReport
from streamdouble.chaos import Impairments
from streamdouble.metrics import compute
from streamdouble.protocol import StreamIdentity
from streamdouble.scenario import load
from streamdouble.session import Session, SessionConfig


async def main(url: str, scenario: str, given: dict[str, Any]) -> dict[str, Any]:
    config = SessionConfig(
        custom_parameters=given["parameters"],
        impairments=Impairments(**given["chaos"]),
        chaos_seed=7,
        quiet_period_s=1.5,
    )
    identity = StreamIdentity(call_sid=given["call"])
    result = await Session(url, scenario=load(scenario), config=config, identity=identity).run()
    report = CallReport(result, compute(result))
    return {
        **report.to_dict(),
        "sound_bytes": len(report.audio_received),
        "kinds": sorted({event.kind for event in result.events}),
    }


print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))))

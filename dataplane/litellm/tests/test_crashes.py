import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import support


class Gateway:
    """A worker process that can be killed."""

    def __init__(self, plane, spool):
        settings = {"CONTROLPLANE_URL": plane.url, "CONTROLPLANE_KEY": support.KEY, "BUDGET_SPOOL_DIR": spool}
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gateway.py")
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **settings})

    def do(self, **command):
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def kill(self):
        """SIGKILL: no clean-up of any kind."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def end(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class CrashTest(unittest.TestCase):
    def setUp(self):
        self.plane = support.Plane()
        self.addCleanup(self.plane.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = folder.name

    def eventually_empty(self):
        end = time.monotonic() + 20
        while any(name.endswith(".json") for name in os.listdir(self.spool)):
            self.assertLess(time.monotonic(), end, "the spool is not emptied")
            time.sleep(0.05)

    def test_killed_at_any_moment_what_was_recorded_is_counted_once(self):
        self.plane.delay = 0.02
        dice = random.Random(20261121)
        recorded = set()
        for run in range(6):
            gateway = Gateway(self.plane, self.spool)
            call = gateway.do(do="ask")["call"]
            killer = threading.Timer(dice.uniform(0.02, 0.3), gateway.kill)
            killer.start()
            try:
                for number in range(10_000):
                    gateway.do(do="succeed", call=call, payload={"id": f"run-{run}-event-{number}"})
                    recorded.add(f"run-{run}-event-{number}")
            except (OSError, ValueError):
                pass  # Killed.
            killer.join()
        last = Gateway(self.plane, self.spool)
        self.eventually_empty()
        last.end()
        self.assertGreater(len(recorded), 20)
        self.assertEqual(set(), recorded - set(self.plane.counted))
        # At most the one that was being recorded when the process died is known to us and not to it.
        self.assertLessEqual(len(set(self.plane.counted) - recorded), 6)

    def test_workers_share_a_spool_and_each_event_is_sent_once(self):
        gateways = [Gateway(self.plane, self.spool) for _ in range(3)]
        for number in range(20):
            for worker, gateway in enumerate(gateways):
                call = gateway.do(do="ask")["call"]
                gateway.do(do="succeed", call=call, payload={"id": f"worker-{worker}-event-{number}"})
        self.eventually_empty()
        sent = [each for batch in self.plane.deliveries for each in batch]
        self.assertEqual(60, len(sent))
        self.assertEqual(60, len(set(sent)))
        for gateway in gateways:
            gateway.end()

    def test_when_the_worker_that_sends_dies_another_takes_over(self):
        first, second = Gateway(self.plane, self.spool), Gateway(self.plane, self.spool)
        calls = [(gateway, gateway.do(do="ask")["call"]) for gateway in (first, second)]
        self.plane.status = 503
        for number, (gateway, call) in enumerate(calls):
            gateway.do(do="succeed", call=call, payload={"id": f"event-{number}"})
        first.kill()
        self.plane.status = 200
        self.eventually_empty()
        self.assertEqual({"event-0", "event-1"}, set(self.plane.counted))
        second.end()

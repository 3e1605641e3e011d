import os
import time

import support


class DeliveryTest(support.HookTest):
    def setUp(self):
        super().setUp()
        sender = self.module.Sender
        sender.MIN_BACKOFF_SECONDS, sender.MAX_BACKOFF_SECONDS, sender.POLL_SECONDS = 0.05, 0.2, 0.05

    def record(self, *ids):
        for event_id in ids:
            self.succeed(support.chat(), id=event_id)  # Without a note: the event has the id of the payload.

    def put(self, name, text):
        with open(os.path.join(self.spool, name), "w") as file:
            file.write(text)

    def test_events_are_spooled_during_an_outage_and_delivered_once_afterwards(self):
        for status in (503, 500, 401, 404, 429):
            self.control_plane.status = status
            self.record(f"at-{status}")
        time.sleep(0.3)
        self.assertEqual(5, len(self.files(".json")))
        self.control_plane.status = 200
        self.delivered(5)
        self.assertEqual(5, sum(map(len, self.control_plane.deliveries)))

    def test_a_file_is_kept_until_a_reply_accounts_for_it(self):
        for reply in ({}, [], {"accepted": 0, "duplicates": 0, "rejected": []}, {"accepted": 2, "duplicates": 0, "rejected": []}, {"accepted": 1}):
            self.control_plane.usage_reply = reply
            self.record("kept")
            deliveries = len(self.control_plane.deliveries)
            self.eventually(lambda: len(self.control_plane.deliveries) > deliveries + 1)
            self.assertTrue(self.files(".json"))
        self.control_plane.usage_reply = None
        self.eventually(lambda: not self.files(".json"))

    def test_duplicate_rejected_and_queued_events_are_removed_from_the_spool(self):
        for reply in ({"accepted": 0, "duplicates": 1, "rejected": []},
                      {"accepted": 0, "duplicates": 0, "rejected": [], "queued": 1},
                      {"accepted": 0, "duplicates": 0, "rejected": [{"index": 0, "id": "x", "code": "too_old", "detail": ""}]}):
            self.control_plane.usage_reply = reply
            self.record("x")
            self.eventually(lambda: not self.files(".json"))

    def test_invalid_files_are_set_aside_without_blocking_others(self):
        self.control_plane.status = 503
        self.record("before")
        for number, text in enumerate(("", "{", "[]", '{"no": "id"}', "x" * 100_000, "\x00\x00")):
            self.put(f"0000000000000000000{number}-poison.json", text)
        os.mkdir(os.path.join(self.spool, "00000000000000000009-folder.json"))
        self.record("after")
        self.control_plane.status = 200
        self.delivered(2)
        self.assertEqual({"before", "after"}, set(self.control_plane.counted))
        self.assertEqual(7, len(self.files(".bad")))

    def test_an_event_that_fails_its_batch_is_isolated_and_set_aside(self):
        reply_to = self.control_plane.reply_to
        self.control_plane.reply_to = lambda path, body: (400, {}) if path == "/v1/usage" and any(e["id"] == "event-6" for e in body) else reply_to(path, body)
        self.control_plane.status = 503
        self.record(*(f"event-{number}" for number in range(10)))
        self.control_plane.status = 200
        self.delivered(9)
        self.assertNotIn("event-6", self.control_plane.counted)
        self.assertEqual(1, len(self.files(".bad")))

    def test_batches_are_limited_in_size_and_sent_oldest_first(self):
        self.module.Sender.BATCH_SIZE = 4
        self.control_plane.status = 503
        self.record(*(f"event-{number}" for number in range(10)))
        self.control_plane.status = 200
        self.delivered(10)
        self.assertTrue(all(len(batch) <= 4 for batch in self.control_plane.deliveries))
        self.assertEqual([f"event-{number}" for number in range(10)], list(self.control_plane.counted))

    def test_backoff_respects_retry_after_and_has_jitter(self):
        self.module.Sender.MAX_BACKOFF_SECONDS = 60
        backoff = self.hook._sender._backoff
        self.assertEqual([7, 300], [backoff(0, 7), backoff(0, 86_400)])
        for failures in range(2000):
            self.assertLessEqual(backoff(failures, 0), 60)
        self.assertGreater(len({backoff(9, 0) for _ in range(10)}), 1, "without jitter all gateways would retry at the same time")

    def test_only_old_partial_files_are_removed(self):
        self.put("00000000000000000001-a.partial", "{")
        self.put("00000000000000000002-b.partial", "{")
        os.utime(os.path.join(self.spool, "00000000000000000001-a.partial"), (1, 1))
        self.hook.close()
        self.hook = self.load().handler
        self.eventually(lambda: self.files(".partial") == ["00000000000000000002-b.partial"])

    def test_events_of_the_previous_run_are_sent_at_start(self):
        self.control_plane.status = 503
        self.record("left-over")
        self.hook.close()
        self.control_plane.status = 200
        self.hook = self.load().handler
        self.assertEqual("left-over", self.delivered()[0]["id"])

    def test_a_forked_worker_works_and_does_not_hold_the_lock_of_its_parent(self):
        self.control_plane.status = 503
        self.record("of-the-parent")
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.record("of-the-child")
                self.assertFalse(self.hook._spool.acquire())
                os.write(write, b"+")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        self.assertEqual(b"+", os.read(read, 1))
        os.close(read)
        self.control_plane.status = 200
        self.assertEqual({"of-the-parent", "of-the-child"}, {event["id"] for event in self.delivered(2)})

    def test_what_a_killed_worker_has_left_is_taken_over_in_any_state_and_blocks_nothing(self):
        data = self.authorize()
        for name, files in (("running-without-lock", ("1-a.json", "1-b.partial")), ("running-empty", ()), ("running-locked", ("lock", "1-c.json"))):
            # Renamed when it is complete: the sender looks for such folders all the time.
            os.mkdir(os.path.join(self.spool, "new"))
            for file in files:
                with open(os.path.join(self.spool, "new", file), "w", encoding="ascii") as writing:
                    writing.write('{"id": "%s"}' % file)
            os.rename(os.path.join(self.spool, "new"), os.path.join(self.spool, name))
        with open(os.path.join(self.spool, "running-no-folder"), "w", encoding="ascii"):
            pass
        with self.assertLogs("budget_hook", "ERROR"):
            self.succeed(data)
            self.delivered(3)
            self.eventually(lambda: sum(name.startswith("running-") for name in os.listdir(self.spool)) == 2)
        self.assertEqual({"1-a.json", "1-c.json"}, {id for id in self.control_plane.counted if id.startswith("1-")})

    def test_a_gateway_starts_where_running_calls_cannot_be_written_down(self):
        with self.assertLogs("budget_hook", "ERROR") as logs:
            journal = self.module.Journal(os.path.join(self.spool, "missing"))
            journal.write("name", {})
            journal.remove("name")
            journal.close()
        self.assertEqual(2, len(logs.output))

    def test_files_are_readable_by_their_owner_only(self):
        self.control_plane.status = 503
        self.record("private")
        self.assertEqual(0o600, os.stat(os.path.join(self.spool, self.files(".json")[0])).st_mode & 0o777)

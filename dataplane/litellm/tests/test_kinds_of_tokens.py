import support


class KindsOfTokensTest(support.HookTest):
    def counts(self, usage, **payload):
        """The token counts that are reported for a payload with this usage object."""
        payload = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, **payload}
        return self.module.token_counts({**payload, "metadata": {"usage_object": usage}})

    def test_kinds_with_prices_of_their_own_are_parts_of_the_totals(self):
        usage = {
            "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100, "audio_tokens": 20},
            "completion_tokens_details": {"reasoning_tokens": 150, "audio_tokens": 30},
        }
        self.assertEqual({
            "prompt_tokens": 1000, "completion_tokens": 200, "cached_prompt_tokens": 600, "cache_write_tokens": 100, "reasoning_tokens": 150, "audio_tokens": 50,
        }, self.counts(usage, prompt_tokens=1000, completion_tokens=200, total_tokens=1200))

    def test_the_kinds_are_reported_with_the_event(self):
        self.succeed(self.authorize(), metadata={"usage_object": {"prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 25}}})
        event = self.delivered()[0]
        self.assertEqual((12, 30, 8, 25), tuple(event[name] for name in ("prompt_tokens", "completion_tokens", "cached_prompt_tokens", "reasoning_tokens")))
        self.assertNotIn("audio_tokens", event)

    def test_other_names_of_the_providers_are_known(self):
        for usage, name, tokens in (
            ({"cache_read_input_tokens": 5}, "cached_prompt_tokens", 5), ({"cache_creation_input_tokens": 6}, "cache_write_tokens", 6),
            ({"prompt_tokens_details": {"cache_creation_tokens": 7}}, "cache_write_tokens", 7),
            ({"prompt_tokens_details": {"cached_tokens": None}, "cache_read_input_tokens": 8}, "cached_prompt_tokens", 8),
        ):
            self.assertEqual(tokens, self.counts(usage, prompt_tokens=10, completion_tokens=1, total_tokens=11)[name])

    def test_what_a_provider_counts_beyond_prompt_and_completion_is_not_dropped(self):
        self.assertEqual({"prompt_tokens": 20, "completion_tokens": 70}, self.counts({}, prompt_tokens=20, completion_tokens=5, total_tokens=90))
        self.assertEqual({"prompt_tokens": 0, "completion_tokens": 90}, self.counts({}, total_tokens=90))
        self.assertEqual({"prompt_tokens": 20, "completion_tokens": 70}, self.counts({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 90}))

    def test_parts_that_exceed_their_total_were_counted_beside_it(self):
        for usage, payload, expected in (
            ({"cache_read_input_tokens": 900, "cache_creation_input_tokens": 50}, {"prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35},
             {"prompt_tokens": 980, "completion_tokens": 5, "cached_prompt_tokens": 900, "cache_write_tokens": 50}),
            ({"completion_tokens_details": {"reasoning_tokens": 50}}, {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 80},
             {"prompt_tokens": 20, "completion_tokens": 60, "reasoning_tokens": 50}),
            ({"completion_tokens_details": {"reasoning_tokens": 8}}, {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 38},
             {"prompt_tokens": 20, "completion_tokens": 18, "reasoning_tokens": 8}),
        ):
            self.assertEqual(expected, self.counts(usage, **payload))

    def test_parts_never_exceed_the_totals(self):
        event = self.counts({"prompt_tokens_details": {"audio_tokens": 500}}, prompt_tokens=3, completion_tokens=4, total_tokens=7)
        self.assertEqual(7, event["audio_tokens"])
        event = self.counts({}, prompt_tokens=10 ** 9, completion_tokens=10 ** 9, total_tokens=10 ** 9)
        self.assertEqual((10 ** 7, 10 ** 7), (event["prompt_tokens"], event["completion_tokens"]))

    def test_an_invalid_usage_object_does_not_keep_a_call_from_being_counted(self):
        for usage in (None, [], "text", {"prompt_tokens_details": 7, "completion_tokens_details": [1], "prompt_tokens": "many", "total_tokens": -1}):
            self.assertEqual({"prompt_tokens": 3, "completion_tokens": 4}, self.counts(usage, prompt_tokens=3, completion_tokens=4, total_tokens=7))

    def test_searches_of_a_model_are_reported_beside_its_tokens(self):
        self.succeed(self.authorize(), metadata={"usage_object": {"server_tool_use": {"web_search_requests": 3}}})
        by_feature = {event.get("feature"): event for event in self.delivered(2)}
        self.assertEqual((3, 0, 0), tuple(by_feature["web_search"][name] for name in ("quantity", "prompt_tokens", "completion_tokens")))
        self.assertNotIn("reservation_id", by_feature["web_search"])
        self.assertEqual((12, 30), (by_feature[None]["prompt_tokens"], by_feature[None]["completion_tokens"]))

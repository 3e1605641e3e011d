import types

import support


class EstimateTest(support.HookTest):
    def estimate(self, data, call_type="acompletion"):
        return self.module.estimated_tokens(self.module.prompt_tokens(data), data, call_type, 2048)

    def test_text_counts_a_third_of_its_ascii_and_two_thirds_of_its_other_bytes(self):
        for text, tokens in [("", 0), ("a", 1), ("abc", 1), ("abcd", 2), ("x" * 3000, 1000), ("ä", 2), ("日本語", 6), ("😀", 3), ("\ud800", 2)]:
            with self.subTest(text=text):
                self.assertEqual(tokens, self.module.text_tokens(text))

    def test_the_estimate_is_prompt_plus_maximum_completion(self):
        # role (2), user (2), content (3), text (5)
        self.assertEqual(2 + 2 + 3 + 5 + 100, self.estimate({"messages": [{"role": "user", "content": "x" * 15}], "max_tokens": 100}))

    def test_the_completion_limit_is_the_higher_of_both_fields_and_includes_the_budget_for_thinking(self):
        for data, tokens in [
            ({}, 2048), ({"max_tokens": 7}, 7), ({"max_completion_tokens": 8}, 8), ({"max_output_tokens": 9}, 2048), ({"max_tokens": 7, "max_output_tokens": 9}, 7), ({"max_tokens": 7, "n": 3}, 21),
            ({"max_tokens": None}, 2048), ({"max_tokens": -5}, 2048), ({"max_tokens": "many"}, 2048), ({"max_tokens": 6.0}, 6), ({"max_tokens": float("inf")}, 2048),
            ({"max_tokens": True}, 2048), ({"max_tokens": 5, "n": "many"}, 5), ({"max_tokens": 10 ** 30}, 10 ** 7), ({"max_completion_tokens": 1, "max_tokens": 900}, 900),
            ({"thinking": {"budget_tokens": 10_000}}, 12_048), ({"max_tokens": 11_000, "thinking": {"budget_tokens": 10_000}}, 11_000),
        ]:
            with self.subTest(data=data):
                self.assertEqual(tokens, self.estimate(data))

    def test_each_prompt_of_a_list_has_a_completion(self):
        for prompt, completions in ((["a", "b", "c"], 3), ([[1, 2], [3]], 2), ([1, 2, 3], 1), ("abc", 1), ([], 1)):
            with self.subTest(prompt=prompt):
                self.assertEqual(100 * completions, self.module.completion_tokens({"prompt": prompt, "max_tokens": 50, "n": 2}, "atext_completion", 2048))

    def test_calls_without_a_completion_reserve_prompt_tokens_only(self):
        for call_type in ("aembedding", "embeddings", "aimage_generation", "image_generation"):
            with self.subTest(call_type=call_type):
                self.assertEqual(1, self.estimate({"input": "abc"}, call_type))

    def test_tools_and_system_prompts_count_like_messages(self):
        bare = self.estimate({"messages": [{"role": "user", "content": "hi"}]})
        self.assertGreater(self.estimate({"messages": [{"role": "user", "content": "hi"}], "tools": [{"function": {"description": "d" * 300}}]}), bare + 100)
        self.assertEqual(bare + 100, self.estimate({"messages": [{"role": "user", "content": "hi"}], "system": "s" * 300}))

    def test_an_image_counts_the_same_as_URL_or_inline_data(self):
        for url in ("https://example.com/cat.png", "data:image/png;base64," + "A" * 4_000_000):
            with self.subTest(url=url[:20]):
                self.assertLess(self.estimate({"messages": [{"content": [{"image_url": {"url": url}}]}], "max_tokens": 1}), 1620)

    def test_text_cannot_pretend_to_be_an_image(self):
        self.assertGreater(self.estimate({"messages": [{"content": "data:image/png;base64," + "A" * 30_000}]}), 10_000)

    def test_each_token_id_counts_as_one_token(self):
        self.assertEqual(4 + 2, self.estimate({"prompt": [[1, 2], [3, 4]], "max_tokens": 1}, "atext_completion"))

    def test_a_part_of_a_streamed_answer_counts_its_text_in_all_formats(self):
        function = {"function": {"name": "f", "arguments": "{}"}}
        for part, tokens in (
            ({"choices": [{"delta": {"content": "abcd"}}, {"delta": {"content": "a"}}]}, 3), ({"choices": [{"delta": {"reasoning_content": "abc", "content": None}}]}, 1),
            ({"choices": [{"text": "abcd"}]}, 2), ({"choices": [{"delta": {"tool_calls": [function, function]}}]}, 2), ({"choices": [{"delta": {"role": "assistant"}}]}, 0),
            ({"choices": []}, 0), ("data: text", 1), (None, 1),
            (types.SimpleNamespace(choices=[types.SimpleNamespace(delta=types.SimpleNamespace(content="abcd", tool_calls=None))]), 2),
        ):
            self.assertEqual(tokens, self.module.answer_tokens(part), part)

    def test_deep_nesting_does_not_overflow_the_stack(self):
        value = "abc"
        for _ in range(100_000):
            value = [value]
        self.assertEqual(2, self.estimate({"input": value, "max_tokens": 1}))

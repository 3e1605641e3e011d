import os
import tempfile
import unittest

import support


class SettingsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.valid = {"CONTROLPLANE_URL": "https://portal.example.com/", "CONTROLPLANE_KEY": "cpt_1", "BUDGET_SPOOL_DIR": os.path.join(folder.name, "spool")}
        control_plane = support.ControlPlane()
        self.addCleanup(control_plane.close)
        module = support.load_hook(**{**self.valid, "CONTROLPLANE_URL": control_plane.url})
        self.addCleanup(module.handler.close)
        self.read = module.read_settings

    def test_the_defaults_fail_closed(self):
        settings = self.read(self.valid)
        self.assertEqual(("https://portal.example.com", 5, 2048, False), (settings.url, settings.timeout_seconds, settings.default_max_tokens, settings.fail_open))

    def test_the_key_can_be_read_from_a_file(self):
        path = os.path.join(os.path.dirname(self.valid["BUDGET_SPOOL_DIR"]), "key")
        with open(path, "w") as file:
            file.write("cpt_from-a-file\n")
        self.assertEqual("cpt_from-a-file", self.read({**self.valid, "CONTROLPLANE_KEY": "", "CONTROLPLANE_KEY_FILE": path}).key)

    def test_local_models_are_separated_by_commas(self):
        self.assertEqual((frozenset(), 1_000_000, 2), self.read(self.valid)[-3:])
        settings = self.read({**self.valid, "BUDGET_LOCAL_MODELS": " llama3:8b, mistral:7b-instruct,", "BUDGET_LOCAL_CALLS": "16"})
        self.assertEqual(({"llama3:8b", "mistral:7b-instruct"}, 16), (settings.local_models, settings.local_calls))

    def test_rates_are_unlimited_unless_they_are_set(self):
        self.assertEqual((None, None), (self.read(self.valid).requests_per_minute, self.read(self.valid).tokens_per_minute))
        settings = self.read({**self.valid, "BUDGET_REQUESTS_PER_MINUTE": "60", "BUDGET_TOKENS_PER_MINUTE": "50000"})
        self.assertEqual((60, 50_000), (settings.requests_per_minute, settings.tokens_per_minute))

    def test_each_invalid_setting_stops_the_gateway_with_one_line_that_names_it(self):
        for name, value in [
            ("CONTROLPLANE_URL", ""), ("CONTROLPLANE_URL", "portal.example.com"), ("CONTROLPLANE_URL", "ftp://portal.example.com"),
            ("CONTROLPLANE_URL", "https://a:b@portal.example.com"), ("CONTROLPLANE_KEY", ""), ("CONTROLPLANE_KEY", "two words"),
            ("BUDGET_SPOOL_DIR", ""), ("BUDGET_SPOOL_DIR", "/proc/no/such"), ("BUDGET_TIMEOUT_SECONDS", "soon"), ("BUDGET_TIMEOUT_SECONDS", "nan"),
            ("BUDGET_TIMEOUT_SECONDS", "0"), ("BUDGET_DEFAULT_MAX_TOKENS", "-1"), ("BUDGET_FAIL_OPEN", "perhaps"),
            ("BUDGET_LOCAL_CALLS", "0"), ("BUDGET_LOCAL_CALLS", "many"), ("BUDGET_LOCAL_MAX_TOKENS", "0"), ("BUDGET_LOCAL_MODELS", "mistral,lla\x00ma"), ("BUDGET_LOCAL_MODELS", "m" * 201),
            ("BUDGET_REQUESTS_PER_MINUTE", "0"), ("BUDGET_TOKENS_PER_MINUTE", "unlimited"),
        ]:
            with self.subTest(name=name, value=value), self.assertRaises(SystemExit) as stopped:
                self.read({**self.valid, name: value})
            lines = str(stopped.exception).splitlines()
            self.assertEqual(1, len(lines), lines)
            self.assertTrue(lines[0].startswith("budget_hook: " + name), lines[0])

    def test_all_invalid_settings_are_reported_together_without_the_key(self):
        with self.assertRaises(SystemExit) as stopped:
            self.read({**self.valid, "CONTROLPLANE_URL": "x", "CONTROLPLANE_KEY": "cpt_secret secret"})
        self.assertEqual(2, len(str(stopped.exception).splitlines()))
        self.assertNotIn("secret", str(stopped.exception))

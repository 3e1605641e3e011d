namespace ControlPlane.Tests;

[Trait("Category", "Quick")]
public class OperatorKeyTests
{
    [Theory]
    [InlineData("4f6Jm0cW5h2yqk8vTn1pZr7X")]
    [InlineData("operator-key-of-the-crash-tests")]
    [InlineData("correct horse battery staple")]
    public void A_key_that_is_hard_to_guess_is_accepted(string key) => OperatorKeySetting.Validate(key);

    [Theory]
    [InlineData("short")]
    [InlineData("nineteen-characters")]
    [InlineData("cpt_4f6Jm0cW5h2yqk8vTn1pZr7X")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("12345678901234567890")]
    [InlineData("abcdefghijklmnopqrstuvwxyz")]
    [InlineData("passwordpasswordpassword")]
    [InlineData("change-me-change-me-change-me")]
    [InlineData("cpo_cpo_cpo_cpo_cpo_cpo_")]
    public void A_key_that_is_easy_to_guess_stops_the_start(string key)
    {
        Assert.Throws<SettingException>(() => OperatorKeySetting.Validate(key));
        var services = new ServiceCollection();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            [OperatorKeySetting.Name] = key,
            ["CONTROLPLANE_DATABASE"] = "Host=localhost",
            ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
        }).Build();
        Assert.Contains(OperatorKeySetting.Name, Assert.Throws<SettingException>(() => services.AddControlPlane(configuration)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_delay_of_a_network_doubles_with_each_guess_up_to_a_quarter_of_an_hour()
    {
        var time = new TestTime();
        var guesses = new OperatorGuesses(time, free: 2);
        var delays = new List<double>();
        for (var i = 0; i < 15; i++)
        {
            guesses.Failed("a");
            delays.Add(guesses.DelayOf("a", "key")?.TotalSeconds ?? 0);
            time.Now += guesses.DelayOf("a", "key") ?? TimeSpan.Zero;
        }

        Assert.Equal([0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900], delays);
        Assert.Null(guesses.DelayOf("a", "key"));
        Assert.Null(guesses.DelayOf("b", "key"));
        guesses.Succeeded("a", "another key");
        guesses.Failed("a");
        Assert.Null(guesses.DelayOf("a", "key"));
    }

    [Fact]
    public void A_key_that_was_right_before_does_not_wait_for_guesses_from_the_same_network()
    {
        var guesses = new OperatorGuesses(new TestTime(), free: 0);
        guesses.Succeeded("a", "right");
        guesses.Failed("a");
        Assert.NotNull(guesses.DelayOf("a", "guess"));
        Assert.Null(guesses.DelayOf("a", "right"));
    }

    sealed class TestTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

using System.Text.Json;
using Amazon.Runtime;
using ControlPlane.Lambda.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace ControlPlane.Tests.Lambda;

public sealed class SecretSettingsTests
{
    [Fact]
    public async Task The_platforms_secret_is_settings_and_the_origins_is_a_token_and_the_one_before()
    {
        var vault = new Vault { ["platform"] = """{"CONTROLPLANE_OPERATOR_KEY": "cpo_1"}""", ["origin"] = """{"token": "new", "previous": "old"}""" };
        var values = await vault.Settings().CurrentAsync(default);
        Assert.Equal("cpo_1", values["CONTROLPLANE_OPERATOR_KEY"]);
        Assert.Equal(("new", "old"), (values["CONTROLPLANE_ORIGIN_TOKEN"], values["CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS"]));
    }

    [Fact]
    public async Task Mail_goes_by_the_stacks_server_unless_the_platforms_secret_names_another()
    {
        var vault = new Vault { ["platform"] = """{"A": "1"}""", ["mail"] = """{"CONTROLPLANE_SMTP": "smtp://ses"}""" };
        Assert.Equal("smtp://ses", (await vault.Settings().CurrentAsync(default))["CONTROLPLANE_SMTP"]);
        vault["platform"] = """{"CONTROLPLANE_SMTP": "smtp://own"}""";
        Assert.Equal("smtp://own", (await vault.Settings().CurrentAsync(default))["CONTROLPLANE_SMTP"]);
    }

    [Fact]
    public async Task They_are_kept_for_five_minutes_and_then_read_again()
    {
        var vault = new Vault { ["platform"] = """{"A": "1"}""" };
        var settings = vault.Settings();
        var first = await settings.CurrentAsync(default);
        Assert.Same(first, await settings.CurrentAsync(default));
        Assert.Equal(1, vault.Reads);

        vault["platform"] = """{"A": "2"}""";
        vault.Move(TimeSpan.FromMinutes(6));
        var second = await settings.CurrentAsync(default);
        Assert.Equal("2", second["A"]);

        // Read again, and nothing has changed: whoever was composed with them need not be composed anew.
        vault.Move(TimeSpan.FromMinutes(6));
        Assert.Same(second, await settings.CurrentAsync(default));
        Assert.Equal(3, vault.Reads);
    }

    [Fact]
    public async Task When_they_cannot_be_read_again_the_former_ones_stay_and_it_is_tried_again_soon()
    {
        var vault = new Vault { ["platform"] = """{"A": "1"}""" };
        var settings = vault.Settings();
        var first = await settings.CurrentAsync(default);
        vault.Broken = new AmazonServiceException("throttled");
        vault.Move(TimeSpan.FromMinutes(6));
        Assert.Same(first, await settings.CurrentAsync(default));
        vault.Broken = null;
        vault["platform"] = """{"A": "2"}""";
        Assert.Same(first, await settings.CurrentAsync(default));
        vault.Move(TimeSpan.FromSeconds(31));
        Assert.Equal("2", (await settings.CurrentAsync(default))["A"]);
    }

    [Fact]
    public async Task When_they_were_never_read_there_is_nothing_to_go_on_with()
    {
        var vault = new Vault { ["platform"] = "{}", Broken = new AmazonServiceException("access denied") };
        await Assert.ThrowsAsync<AmazonServiceException>(async () => await vault.Settings().CurrentAsync(default));
    }

    [Theory]
    [InlineData("hunter2")]
    [InlineData("""["hunter2"]""")]
    [InlineData("""{"A": {"B": "hunter2"}}""")]
    public async Task A_secret_of_another_form_is_named_and_never_quoted(string text)
    {
        var refused = await Assert.ThrowsAsync<SettingException>(async () => await new Vault { ["platform"] = text }.Settings().CurrentAsync(default));
        Assert.Contains("CONTROLPLANE_SECRETS", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_secret_composes_the_function_anew_between_two_invocations()
    {
        await using var rig = await LambdaRig.StartAsync();
        var vault = new Vault { ["platform"] = """{"CONTROLPLANE_OPERATOR_KEY": "first"}""" };
        var composed = new List<string?>();
        await using var host = rig.Host(vault.Settings(), (around, function) =>
        {
            composed.Add(around.Configuration["CONTROLPLANE_OPERATOR_KEY"]);
            return function;
        }, vault.Clock);
        await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1)));
        await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1)));
        Assert.Equal(["first"], composed);

        vault["platform"] = """{"CONTROLPLANE_OPERATOR_KEY": "second"}""";
        vault.Move(TimeSpan.FromMinutes(6));
        await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1)));
        Assert.Equal(["first", "second"], composed);

        // A value that nothing can be composed with is reported, and the former one goes on working.
        vault["platform"] = """{"CONTROLPLANE_SECRETS_KEY": "not a key"}""";
        vault.Move(TimeSpan.FromMinutes(6));
        var answer = await JsonDocument.ParseAsync(await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1))));
        Assert.Equal("succeeded", answer.RootElement.GetProperty("outcome").GetString());
        Assert.Contains("CONTROLPLANE_SECRETS_KEY must be 32 bytes", rig.Log, StringComparison.Ordinal);
    }

    static MemoryStream Stream(string text) => new(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Secrets by their ids, and a clock.</summary>
    sealed class Vault : Dictionary<string, string>
    {
        public WallClock Clock { get; } = new();
        public Exception? Broken { get; set; }
        public int Reads { get; private set; }

        public void Move(TimeSpan by) => Clock.Ahead += by;

        public SecretSettings Settings()
        {
            var names = new Dictionary<string, string?>
            {
                ["CONTROLPLANE_SECRETS"] = "platform",
                ["CONTROLPLANE_ORIGIN_SECRET"] = ContainsKey("origin") ? "origin" : null,
                ["CONTROLPLANE_MAIL_SECRET"] = ContainsKey("mail") ? "mail" : null,
            };
            return new SecretSettings(new ConfigurationBuilder().AddInMemoryCollection(names).Build(), Read, NullLogger.Instance, Clock);
        }

        Task<string> Read(string id, CancellationToken ct)
        {
            Reads++;
            return Broken is { } broken ? Task.FromException<string>(broken) : Task.FromResult(this[id]);
        }
    }

    /// <summary>A clock that is ahead; timers run as they do.</summary>
    sealed class WallClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;
    }
}

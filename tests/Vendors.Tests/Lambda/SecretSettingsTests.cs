using System.Text.Json;
using Amazon.Runtime;
using ControlPlane.Lambda.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class SecretSettingsTests
{
    [Fact]
    public async Task The_platforms_secret_has_settings_and_the_origins_has_two_tokens()
    {
        var vault = new Vault { ["platform"] = """{"CONTROLPLANE_OPERATOR_KEY": "cpo_1"}""", ["origin"] = """{"token": "new", "previous": "old"}""" };
        var values = await vault.Settings().CurrentAsync(default);
        Assert.Equal("cpo_1", values["CONTROLPLANE_OPERATOR_KEY"]);
        Assert.Equal(("new", "old"), (values["CONTROLPLANE_ORIGIN_TOKEN"], values["CONTROLPLANE_ORIGIN_TOKEN_PREVIOUS"]));
    }

    [Fact]
    public async Task The_platforms_secret_overrides_the_stacks_mail_server()
    {
        var vault = new Vault { ["platform"] = """{"A": "1"}""", ["mail"] = """{"CONTROLPLANE_SMTP": "smtp://ses"}""" };
        Assert.Equal("smtp://ses", (await vault.Settings().CurrentAsync(default))["CONTROLPLANE_SMTP"]);
        vault["platform"] = """{"CONTROLPLANE_SMTP": "smtp://own"}""";
        Assert.Equal("smtp://own", (await vault.Settings().CurrentAsync(default))["CONTROLPLANE_SMTP"]);
    }

    [Fact]
    public async Task Secrets_are_cached_for_five_minutes()
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

        // Unchanged values are the same object, so the function is not rebuilt.
        vault.Move(TimeSpan.FromMinutes(6));
        Assert.Same(second, await settings.CurrentAsync(default));
        Assert.Equal(3, vault.Reads);
    }

    [Fact]
    public async Task If_a_refresh_fails_the_cached_values_stay_and_it_is_retried_soon()
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
    public async Task If_the_first_read_fails_the_function_does_not_start()
    {
        var vault = new Vault { ["platform"] = "{}", Broken = new AmazonServiceException("access denied") };
        await Assert.ThrowsAsync<AmazonServiceException>(async () => await vault.Settings().CurrentAsync(default));
    }

    [Theory]
    [InlineData("hunter2")]
    [InlineData("""["hunter2"]""")]
    [InlineData("""{"A": {"B": "hunter2"}}""")]
    public async Task A_malformed_secret_is_named_and_never_quoted(string text)
    {
        var refused = await Assert.ThrowsAsync<SettingException>(async () => await new Vault { ["platform"] = text }.Settings().CurrentAsync(default));
        Assert.Contains("CONTROLPLANE_SECRETS", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_secret_rebuilds_the_function_between_two_invocations()
    {
        await using var rig = await LambdaRig.StartAsync();
        var vault = new Vault { ["platform"] = """{"CONTROLPLANE_OPERATOR_KEY": "first"}""" };
        var built = new List<string?>();
        await using var host = rig.Host(vault.Settings(), (environment, function) =>
        {
            built.Add(environment.Configuration["CONTROLPLANE_OPERATOR_KEY"]);
            return function;
        }, vault.Clock);
        await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1)));
        await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1)));
        Assert.Equal(["first"], built);

        vault["platform"] = """{"CONTROLPLANE_OPERATOR_KEY": "second"}""";
        vault.Move(TimeSpan.FromMinutes(6));
        await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1)));
        Assert.Equal(["first", "second"], built);

        // An invalid value is reported, and the former one stays in use.
        vault["platform"] = """{"CONTROLPLANE_SECRETS_KEY": "not a key"}""";
        vault.Move(TimeSpan.FromMinutes(6));
        var response = await JsonDocument.ParseAsync(await host.HandleAsync(Stream("""{"job": "retention"}"""), new FakeContext(TimeSpan.FromMinutes(1))));
        Assert.Equal("succeeded", response.RootElement.GetProperty("outcome").GetString());
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

    /// <summary>A clock that can be moved ahead; timers are not affected.</summary>
    sealed class WallClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;
    }
}

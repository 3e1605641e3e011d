namespace ControlPlane.AzureFunctions.Tests;

[Trait("Category", "Slow")]
public sealed class VaultTests
{
    [Fact]
    public async Task Each_version_of_a_secret_is_fetched_once()
    {
        using var vault = new Vault();
        vault.Set("CONTROLPLANE-SMTP", "smtp://one");
        vault.Set("CONTROLPLANE-SECRETS-KEY", "key");
        vault.Set("OPENAI-API-KEY", "sk-1");
        vault.Set("CONTROLPLANE-MAIL-FROM", "former@example.com", enabled: false);
        var settings = vault.Settings;

        Assert.True(await settings.ReadAsync(CancellationToken.None));
        Assert.Equal(
            new Dictionary<string, string?> { ["CONTROLPLANE_SMTP"] = "smtp://one", ["CONTROLPLANE_SECRETS_KEY"] = "key", ["OPENAI_API_KEY"] = "sk-1" },
            settings.Values);
        Assert.False(await settings.ReadAsync(CancellationToken.None));
        Assert.Equal(3, vault.Fetched.Count);

        vault.Set("CONTROLPLANE-SMTP", "smtp://two");
        Assert.True(await settings.ReadAsync(CancellationToken.None));
        Assert.Equal("smtp://two", settings.Values["CONTROLPLANE_SMTP"]);
        Assert.Equal(["CONTROLPLANE-SMTP"], vault.Fetched.Skip(3));
    }

    [Fact]
    public async Task A_rotated_secret_is_applied_without_interrupting_running_work()
    {
        using var vault = new Vault();
        vault.Set("CONTROLPLANE-MAIL-FROM", "one@example.com");
        using var shutdown = new CancellationTokenSource();
        await using var running = await StartAsync(vault);
        var former = running.Application.Current;

        await running.Application.ReloadAsync(shutdown.Token);
        Assert.Same(former, running.Application.Current);

        vault.Set("CONTROLPLANE-MAIL-FROM", "two@example.com");
        await running.Application.ReloadAsync(shutdown.Token);
        Assert.NotSame(former, running.Application.Current);
        Assert.Equal("two@example.com", running.Application.Current.Services.GetRequiredService<MailSender>().Address);
        await former.RunJobAsync("retention", CancellationToken.None);

        await shutdown.CancelAsync();
    }

    [Fact]
    public async Task An_invalid_secret_or_an_unavailable_vault_keeps_the_running_application()
    {
        using var vault = new Vault();
        vault.Set("CONTROLPLANE-SMTP", "smtp://localhost?tls=off");
        await using var running = await StartAsync(vault);
        var former = running.Application.Current;

        vault.Set("CONTROLPLANE-SMTP", "not a URL");
        await running.Application.ReloadAsync(CancellationToken.None);
        Assert.Same(former, running.Application.Current);

        vault.Refuses = true;
        await running.Application.ReloadAsync(CancellationToken.None);
        Assert.Same(former, running.Application.Current);
    }

    [Fact]
    public async Task Missing_settings_without_a_vault_prevent_the_start_and_are_named()
    {
        var missing = await Assert.ThrowsAsync<SettingException>(() => CurrentApplication.StartAsync(
            new ConfigurationBuilder().Build(), new Identity(), vault: null, TimeProvider.System, CancellationToken.None));

        Assert.All(["CONTROLPLANE_DATABASE", "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP"], name => Assert.Contains(name, missing.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_application_whose_vault_was_unavailable_starts_with_a_later_request()
    {
        using var vault = new Vault { Refuses = true };
        var time = new ManualTime();
        await using var running = await StartAsync(vault, time);
        Assert.Equal(("503", "5"), await GetAsync(running));

        // Within the pause the vault is not asked again, even if it answers now.
        vault.Refuses = false;
        Assert.Equal("503", (await GetAsync(running)).Status);
        await Assert.ThrowsAsync<InvalidOperationException>(() => running.Application.RunJobAsync("retention", CancellationToken.None));

        time.Now += TimeSpan.FromSeconds(5);
        Assert.Equal("200", (await GetAsync(running)).Status);
        await running.Application.RunJobAsync("retention", CancellationToken.None);
    }

    [Fact]
    public async Task The_pause_between_attempts_to_start_doubles_up_to_five_minutes()
    {
        using var vault = new Vault { Refuses = true };
        var time = new ManualTime();
        await using var running = await StartAsync(vault, time);
        foreach (var seconds in (int[])[5, 10, 20, 40, 80, 160, 300, 300])
        {
            Assert.Equal(("503", $"{seconds}"), await GetAsync(running));
            time.Now += TimeSpan.FromSeconds(seconds);
        }
    }

    static async Task<(string Status, string RetryAfter)> GetAsync(Running running)
    {
        await using var services = new ServiceCollection().AddLogging().BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services, Request = { Method = "GET", Path = "/healthz" }, Response = { Body = new MemoryStream() } };
        await running.Application.ServeAsync(context, CancellationToken.None);
        return ($"{context.Response.StatusCode}", context.Response.Headers.RetryAfter.ToString());
    }

    static async Task<Running> StartAsync(Vault vault, TimeProvider? time = null)
    {
        var database = await TestCluster.NewDatabaseAsync();
        var environment = new ConfigurationBuilder().AddInMemoryCollection(WorkerStandIn.Settings(database)).Build();
        return new Running(await CurrentApplication.StartAsync(environment, new Identity(), vault.Settings, time ?? TimeProvider.System, CancellationToken.None), database);
    }

    sealed record Running(CurrentApplication Application, string Database) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Application.StopAsync(CancellationToken.None);
            Application.Dispose();
            await TestCluster.DropAsync(Database);
        }
    }

    sealed class ManualTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

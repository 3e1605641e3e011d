namespace ControlPlane.AzureFunctions.Tests;

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
    public async Task Missing_settings_prevent_the_start_and_are_named()
    {
        var empty = new ConfigurationBuilder().Build();
        var missing = await Assert.ThrowsAsync<SettingException>(() => CurrentApplication.StartAsync(
            empty, new Identity(), vault: null, TimeProvider.System, CancellationToken.None));
        Assert.All(["CONTROLPLANE_DATABASE", "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP"], name => Assert.Contains(name, missing.Message, StringComparison.Ordinal));

        using var vault = new Vault { Refuses = true };
        var refused = await Assert.ThrowsAsync<SettingException>(
            () => CurrentApplication.StartAsync(empty, new Identity(), vault.Settings, TimeProvider.System, CancellationToken.None));
        Assert.Contains("not authorized", refused.Message, StringComparison.Ordinal);
    }

    static async Task<Running> StartAsync(Vault vault)
    {
        var database = await TestCluster.NewDatabaseAsync();
        var environment = new ConfigurationBuilder().AddInMemoryCollection(WorkerStandIn.Settings(database)).Build();
        return new Running(await CurrentApplication.StartAsync(environment, new Identity(), vault.Settings, TimeProvider.System, CancellationToken.None), database);
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
}

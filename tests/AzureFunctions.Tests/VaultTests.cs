namespace ControlPlane.AzureFunctions.Tests;

public sealed class VaultTests
{
    [Fact]
    public async Task Secrets_are_settings_and_each_version_is_fetched_once()
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
    public async Task A_rotated_secret_is_taken_over_while_what_runs_goes_on()
    {
        using var vault = new Vault();
        vault.Set("CONTROLPLANE-MAIL-FROM", "one@example.com");
        using var stop = new CancellationTokenSource();
        await using var running = await RunningAsync(vault);
        var former = running.Application.Now;

        await running.Application.RenewAsync(stop.Token);
        Assert.Same(former, running.Application.Now);

        vault.Set("CONTROLPLANE-MAIL-FROM", "two@example.com");
        await running.Application.RenewAsync(stop.Token);
        Assert.NotSame(former, running.Application.Now);
        Assert.Equal("two@example.com", running.Application.Now.Services.GetRequiredService<MailSender>().Address);
        await former.RunJobAsync("retention", CancellationToken.None);

        await stop.CancelAsync();
    }

    [Fact]
    public async Task A_change_that_cannot_be_started_with_and_a_vault_that_is_away_change_nothing()
    {
        using var vault = new Vault();
        vault.Set("CONTROLPLANE-SMTP", "smtp://localhost?tls=off");
        await using var running = await RunningAsync(vault);
        var former = running.Application.Now;

        vault.Set("CONTROLPLANE-SMTP", "no address");
        await running.Application.RenewAsync(CancellationToken.None);
        Assert.Same(former, running.Application.Now);

        vault.Refuses = true;
        await running.Application.RenewAsync(CancellationToken.None);
        Assert.Same(former, running.Application.Now);
    }

    [Fact]
    public async Task Without_its_settings_the_application_says_which_and_does_not_start()
    {
        var nothing = new ConfigurationBuilder().Build();
        var missing = await Assert.ThrowsAsync<SettingException>(() => CurrentApplication.StartAsync(
            nothing, new Identity(), vault: null, TimeProvider.System, CancellationToken.None));
        Assert.All(["CONTROLPLANE_DATABASE", "CONTROLPLANE_SECRETS_KEY", "CONTROLPLANE_SMTP"], name => Assert.Contains(name, missing.Message, StringComparison.Ordinal));

        using var vault = new Vault { Refuses = true };
        var refused = await Assert.ThrowsAsync<SettingException>(
            () => CurrentApplication.StartAsync(nothing, new Identity(), vault.Settings, TimeProvider.System, CancellationToken.None));
        Assert.Contains("not authorized", refused.Message, StringComparison.Ordinal);
    }

    static async Task<Running> RunningAsync(Vault vault)
    {
        var database = await TestCluster.NewDatabaseAsync();
        var environment = new ConfigurationBuilder().AddInMemoryCollection(FunctionsWorker.Settings(database)).Build();
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

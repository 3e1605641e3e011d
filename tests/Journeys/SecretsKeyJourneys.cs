using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>The key that encrypts stored secrets changes without an interruption.</summary>
public sealed class SecretsKeyJourneys
{
    static readonly string Old = NewKey(), New = NewKey();

    [Fact]
    public async Task A_webhook_secret_that_cannot_be_decrypted_fails_the_deliveries_of_its_tenant_only()
    {
        await using var server = await TestServer.StartAsync();
        var (broken, sound) = (await server.CreateTenantAsync(), await server.CreateTenantAsync());
        await server.SqlAsync("update control.webhook_secret set ciphertext = set_byte(ciphertext, 20, get_byte(ciphertext, 20) # 1) where tenant_id = $1", broken.Id);
        var secrets = server.Services.GetRequiredService<FindWebhookSecrets>();
        // Those that arrive while the first look-up runs share the next one.
        var lookups = Enumerable.Range(0, 20).Select(n => secrets.RunAsync(n % 2 == 0 ? broken.Id : sound.Id, turn: n, default)).ToList();

        for (var n = 0; n < lookups.Count; n++)
        {
            if (n % 2 == 0)
            {
                await Assert.ThrowsAnyAsync<CryptographicException>(() => lookups[n]);
            }
            else
            {
                Assert.Single(await lookups[n]);
            }
        }
    }

    [Fact]
    public async Task After_the_nightly_job_everything_is_encrypted_with_the_new_key_and_the_former_one_can_be_removed()
    {
        var database = await TestCluster.NewDatabaseAsync();
        TestTenant tenant;
        await using (var before = await StartAsync(database, Old))
        {
            tenant = await before.CreateReadyTenantAsync();
            (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = "http://127.0.0.1:1/hooks" })).EnsureSuccessStatusCode();
            Assert.Empty(await NightlyAlertsAsync(before));
        }

        await using (var during = await StartAsync(database, New, Old))
        {
            await WorksAsync(during, tenant);
            var report = await during.RunJobAsync("nightly");
            // A webhook secret, the secret of a webhook endpoint, the environment's secrets and at least one data protection key.
            Assert.InRange(report.GetProperty("counts").GetProperty("secrets_reencrypted").GetInt64(), 4, 100);
            Assert.Equal(0, await during.ReadAsync<long>("select count(*) from control.data_protection_key where xml !~ '<sealed[^>]*>02'"));
            Assert.Equal(0, await during.ReadAsync<long>("select count(*) from control.tenant_secret where get_byte(ciphertext, 0) <> 2"));
            Assert.Equal(0, (await during.RunJobAsync("nightly")).GetProperty("counts").GetProperty("secrets_reencrypted").GetInt64());
            Assert.Empty(await NightlyAlertsAsync(during));
        }

        await using (var after = await StartAsync(database, New))
        {
            await WorksAsync(after, tenant);
            Assert.Empty(await NightlyAlertsAsync(after));
        }

        await using (var wrong = await StartAsync(database, Old))
        {
            var alerts = await NightlyAlertsAsync(wrong);
            Assert.Contains(alerts, alert => alert.Contains("webhook secrets cannot be decrypted", StringComparison.Ordinal) && alert.Contains("CONTROLPLANE_SECRETS_KEY_FORMER", StringComparison.Ordinal));
        }

        await TestCluster.DropAsync(database);
    }

    [Fact]
    public async Task Data_protection_keys_are_encrypted_at_rest()
    {
        await using var server = await TestServer.StartAsync();
        using var browser = server.NewVisitor();
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/login")).StatusCode);
        Assert.Equal(0, await server.ReadAsync<long>("select count(*) from control.data_protection_key where xml like '%masterKey%' or xml not like '%</sealed>%'"));
        Assert.NotEqual(0, await server.ReadAsync<long>("select count(*) from control.data_protection_key"));
    }

    static async Task WorksAsync(TestServer server, TestTenant tenant)
    {
        Assert.Equal(1, (await server.ReportAsync(tenant, Deliveries.Event(Names.Random("e"), server.Clock.GetUtcNow())).CountsAsync()).Accepted);
        Assert.NotEmpty(await server.Services.GetRequiredService<ISecretStore>().ReadAsync(tenant.Id, CancellationToken.None));
        using var browser = server.NewVisitor();
        var page = await browser.SubmitAsync("/login", "/login", ("email", "nobody@example.com"), ("password", "not the password"));
        Assert.Equal(HttpStatusCode.BadRequest, page.StatusCode);
        Assert.DoesNotContain("This form has expired", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    static async Task<List<string>> NightlyAlertsAsync(TestServer server) =>
        [.. (await server.RunJobAsync("nightly")).GetProperty("alerts").EnumerateArray().Select((JsonElement alert) => alert.GetString()!)];

    static Task<TestServer> StartAsync(string database, string key, string? former = null) => TestServer.StartAsync(
        database: database, keepDatabase: true, settings: [new("CONTROLPLANE_SECRETS_KEY", key), new("CONTROLPLANE_SECRETS_KEY_FORMER", former)]);

    static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
}

using System.Runtime.CompilerServices;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>On a VPS the control plane signs in as the role that deploy/vps/postgres/login.sql creates, which is no superuser.</summary>
public sealed class PlainLoginJourneys
{
    [Fact]
    public async Task A_login_without_superuser_rights_migrates_provisions_and_deletes()
    {
        var folder = Directory.CreateTempSubdirectory("plain-login-").FullName;
        using var data = DataDirectory.Open(Path.Combine(folder, "server"));
        data.TryLock();
        await using (var postgres = await EmbeddedPostgres.StartAsync(data, durable: false, _ => { }, default))
        await using (var app = LocalHost.Build(
            new Dictionary<string, string?>
            {
                ["CONTROLPLANE_DATABASE"] = await CreateLoginAsync(postgres.ConnectionString),
                ["CONTROLPLANE_DATA"] = Path.Combine(folder, "app"),
                ["CONTROLPLANE_DATAPLANE"] = "render",
            },
            FreePort.Find()))
        {
            await app.PrepareAsync(default);
            var database = app.Services.GetRequiredService<ControlDatabase>();
            await using var owner = await database.OpenOwnerAsync(default);
            Assert.False(await owner.ScalarAsync<bool>("select rolsuper from pg_roles where rolname = current_user", default));

            var tenant = Assert.IsType<CreateTenantResult.Created>(await app.Services.GetRequiredService<CreateTenant>().RunAsync(
                new CreateTenantRequest { Plan = "basic", Tenant = new() { Organization = "Plain", Slug = "plain", Email = "owner@plain.example", Country = "DE" } }, "operator", default));
            Assert.Equal("ready", await ProvisionAsync(app.Services, tenant.Tenant));
            await app.Services.GetRequiredService<OperateEnvironment>().DeleteAsync(tenant.Tenant, withoutBackup: false, "operator", default);
            Assert.Equal("deleted", await ProvisionAsync(app.Services, tenant.Tenant));
            Assert.False(await owner.ScalarAsync<bool>("select exists (select from pg_roles where rolname like 'env\\_%')", default));
            Assert.False(await owner.ScalarAsync<bool>("select exists (select from pg_database where datname like 'env\\_%')", default));
        }

        Directory.Delete(folder, recursive: true);
    }

    static async Task<string?> ProvisionAsync(IServiceProvider services, Guid tenant)
    {
        await services.GetRequiredService<RunProvisioning>().RunAsync(default);
        await using var transaction = await services.GetRequiredService<ControlDatabase>().BeginJobAsync(default);
        return (await EnvironmentStatus.ReadAsync(transaction, services.GetRequiredService<ControlPlaneOptions>(), tenant, default))?.State;
    }

    // Runs the script as psql would, with another role name: the embedded server's superuser has this one.
    static async Task<string> CreateLoginAsync(string superuser)
    {
        var script = (await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(Here())!, "../../deploy/vps/postgres/login.sql")))
            .Replace("controlplane", "plain_login", StringComparison.Ordinal).Replace(":'password'", "'password of the plain login'", StringComparison.Ordinal);
        await using var connection = new NpgsqlConnection(superuser);
        await connection.OpenAsync();
        foreach (var statement in script.Split('\n').Where(line => line.Length > 0 && line[0] is not ('-' or '\\')))
        {
            await connection.ExecuteAsync(statement, default);
        }

        return new NpgsqlConnectionStringBuilder(superuser) { Username = "plain_login", Password = "password of the plain login", Database = "plain_login" }.ToString();
    }

    static string Here([CallerFilePath] string path = "") => path;
}

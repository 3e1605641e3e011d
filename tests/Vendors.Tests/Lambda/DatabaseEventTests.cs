using System.Text.Json;
using ControlPlane.Lambda.Work;
using Npgsql;

namespace ControlPlane.Tests.Lambda;

[Collection(Aws.MigrateDatabaseTests.Logins)]
[Trait("Category", "Slow")]
public sealed class DatabaseEventTests
{
    const string Secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:database-owner-AbCdEf";

    [Fact]
    public async Task A_deployment_migrates_and_creates_a_login_for_every_function()
    {
        await using var rig = await LambdaRig.StartAsync();
        var database = await rig.ComposeAsync("database");
        var response = await LambdaRig.InvokeAsync(database, """{"job":"migrate"}""");
        Assert.Equal(("migrate", "succeeded", 0), (response.GetProperty("job").GetString(), response.GetProperty("outcome").GetString(), response.GetProperty("counts").GetProperty("migrations").GetInt32()));

        await using var transaction = await rig.Database.BeginJobAsync(default);
        Assert.Equal(5, await transaction.ScalarAsync<long>("select count(*) from pg_roles where rolname = any($1)", default, FunctionLogin.All.Select(login => login.Name).ToArray()));
        await rig.DropLoginsAsync();
    }

    [Fact]
    public async Task Secrets_Manager_rotates_the_owners_password_step_by_step()
    {
        await using var rig = await LambdaRig.StartAsync();
        var name = Names.Random("owner");
        await using (var superuser = await rig.Database.OpenOwnerAsync(default))
        {
            await Sql.ExecuteAsync(superuser, $"create role {name} login password 'first'", default);
            await Sql.ExecuteAsync(superuser, $"grant connect on database {superuser.Database} to {name}", default);
        }

        try
        {
            rig.Secrets.Put(Secret, $$"""{"username": "{{name}}", "password": "first"}""");
            rig.Secrets.BeginRotation(Secret, "version-2");
            rig.Settings["CONTROLPLANE_DATABASE"] = new NpgsqlConnectionStringBuilder(rig.ConnectionString) { Username = name, Password = null }.ToString();
            rig.Settings["CONTROLPLANE_DATABASE_OWNER_SECRET"] = Secret;
            var database = await rig.ComposeAsync("database");
            foreach (var step in (string[])["createSecret", "setSecret", "testSecret", "finishSecret"])
            {
                var input = JsonSerializer.Serialize(new { Step = step, SecretId = Secret, ClientRequestToken = "version-2", RotationToken = "a-token" });
                Assert.Equal("succeeded", (await LambdaRig.InvokeAsync(database, input)).GetProperty("outcome").GetString());
            }

            var rotated = JsonDocument.Parse(rig.Secrets.Text(Secret, "AWSCURRENT")!).RootElement.GetProperty("password").GetString()!;
            Assert.NotEqual("first", rotated);
            Assert.DoesNotContain(rotated, rig.Log, StringComparison.Ordinal);
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(rig.ConnectionString) { Username = name, Password = rotated, Pooling = false }.ToString());
            await connection.OpenAsync();
        }
        finally
        {
            await using var superuser = await rig.Database.OpenOwnerAsync(default);
            await Sql.ExecuteAsync(superuser, $"drop owned by {name}", default);
            await Sql.ExecuteAsync(superuser, $"drop role {name}", default);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"job": "nightly"}""")]
    [InlineData("""{"Step": "createSecret"}""")]
    public async Task An_unknown_event_is_refused_with_the_valid_ones(string input)
    {
        await using var rig = await LambdaRig.StartAsync();
        var database = await rig.ComposeAsync("database");
        var refused = await Assert.ThrowsAsync<JobFailedException>(() => LambdaRig.InvokeAsync(database, input));
        Assert.Contains("""Send {"job": "migrate"}""", refused.Message, StringComparison.Ordinal);
    }
}

using System.Text.Json;
using ControlPlane.Aws.Work;
using ControlPlane.Database;
using ControlPlane.Tests.Support;
using Npgsql;

namespace ControlPlane.Tests.Lambda;

[Collection("Logins of the functions")]
public sealed class DatabaseEventTests
{
    const string Secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:database-owner-AbCdEf";

    [Fact]
    public async Task A_deployment_migrates_and_makes_logins_with_which_every_function_does_its_work()
    {
        await using var rig = await LambdaRig.StartAsync();
        var database = await rig.ComposeAsync("database");
        var answer = await LambdaRig.InvokeAsync(database, """{"job":"migrate"}""");
        Assert.Equal(("migrate", "succeeded", 0), (answer.GetProperty("job").GetString(), answer.GetProperty("outcome").GetString(), answer.GetProperty("counts").GetProperty("migrations").GetInt32()));

        try
        {
            await using var owner = await rig.Database.OpenOwnerAsync(default);
            foreach (var login in FunctionLogin.All)
            {
                // Without RDS there is no IAM to sign in with.
                await Sql.ExecuteAsync(owner, $"alter role {login.Name} password 'secret'", default);
            }

            rig.SignInAs("controlplane_api", "secret");
            var tenant = await rig.TenantAsync();
            foreach (var (function, job) in (IEnumerable<(string, string)>)[("jobs", "nightly"), ("jobs", "billing"), ("jobs", "outbox"), ("jobs", "retention"), ("provision", "provision")])
            {
                rig.SignInAs($"controlplane_{function}", "secret");
                var ran = await LambdaRig.InvokeAsync(await rig.ComposeAsync(function), JsonSerializer.Serialize(new { job }));
                Assert.Equal((job, "succeeded"), (ran.GetProperty("job").GetString(), ran.GetProperty("outcome").GetString()));
            }

            rig.SignInAs("controlplane_usage", "secret");
            await using var usage = await WebRig.StartAsync(rig.Around, ControlPlane.Aws.Web.UsageFunction.Build);
            using var gateway = usage.NewClient(tenant.Key);
            Assert.Contains("\"allow\":true", await PostAsync(gateway, "/v1/authorize", """{"request_id": "r1", "user": "ada", "model": "mistral:7b-instruct", "estimated_tokens": 10}"""), StringComparison.Ordinal);
            Assert.Contains("\"accepted\":1", await PostAsync(gateway, "/v1/usage", JsonSerializer.Serialize(
                new { id = "e1", occurred_at = TimeProvider.System.GetUtcNow(), user = "ada", model = "mistral:7b-instruct", prompt_tokens = 1, completion_tokens = 1 })), StringComparison.Ordinal);
        }
        finally
        {
            await rig.DropLoginsAsync();
        }
    }

    [Fact]
    public async Task Secrets_Manager_rotates_the_owners_password_step_by_step()
    {
        await using var rig = await LambdaRig.StartAsync();
        var name = Names.Random("owner");
        await using (var superuser = await rig.Database.OpenOwnerAsync(default))
        {
            await Sql.ExecuteAsync(superuser, $"create role {name} login password 'first'", default);
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
            await Sql.ExecuteAsync(superuser, $"drop role {name}", default);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"job": "nightly"}""")]
    [InlineData("""{"Step": "createSecret"}""")]
    public async Task Whatever_else_is_asked_for_is_refused_with_what_can_be(string input)
    {
        await using var rig = await LambdaRig.StartAsync();
        var database = await rig.ComposeAsync("database");
        var refused = await Assert.ThrowsAsync<JobFailedException>(() => LambdaRig.InvokeAsync(database, input));
        Assert.Contains("""Send {"job": "migrate"}""", refused.Message, StringComparison.Ordinal);
    }

    static async Task<string> PostAsync(HttpClient client, string path, string json)
    {
        using var body = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        return await (await client.PostAsync(path, body)).Content.ReadAsStringAsync();
    }
}

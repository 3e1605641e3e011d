using System.Diagnostics;
using System.Text.Json.Nodes;
using Amazon.SecretsManager;
using Npgsql;

namespace ControlPlane.Tests.Aws;

/// <summary>With a real PostgreSQL and a fake Secrets Manager.</summary>
[Trait("Category", "Slow")]
public sealed class RotationTests : IAsyncLifetime
{
    const string Secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod-database-owner-AbCdEf";
    const string FirstPassword = "the-first-password";

    static readonly string[] Steps = ["createSecret", "setSecret", "testSecret", "finishSecret"];

    readonly FakeSecretsManager _aws = new();
    readonly string _role = Names.Random("owner");
    string _database = null!;
    OwnerLogin _login = null!;

    public async Task InitializeAsync()
    {
        _database = await TestCluster.NewDatabaseAsync();
        _login = new OwnerLogin(new NpgsqlConnectionStringBuilder(_database) { Username = _role, Password = null }.ToString());
        await SuperuserAsync($"create role {_role} login password '{FirstPassword}'");
        await SuperuserAsync($"grant connect on database {new NpgsqlConnectionStringBuilder(_database).Database} to {_role}");
        _aws.Put(Secret, $$"""{"password":"{{FirstPassword}}","username":"{{_role}}","engine":"postgres"}""");
    }

    public Task DisposeAsync() => TestCluster.DropAsync(_database, [_role]);

    [Fact]
    public async Task The_four_steps_replace_the_password()
    {
        await RotateAsync("v2");
        Assert.False(await _login.CanSignInAsync(FirstPassword, default));
        Assert.True(await _login.CanSignInAsync(Password("AWSCURRENT")!, default));
        Assert.Equal(FirstPassword, Password("AWSPREVIOUS"));
        Assert.Matches("^[A-Za-z0-9]{40}$", Password("AWSCURRENT"));
        var document = JsonNode.Parse(_aws.Text(Secret, "AWSCURRENT")!)!;
        Assert.Equal((_role, "postgres"), ((string?)document["username"], (string?)document["engine"]));

        await RotateAsync("v3");
        Assert.True(await _login.CanSignInAsync(Password("AWSCURRENT")!, default));
        Assert.False(await _login.CanSignInAsync(Password("AWSPREVIOUS")!, default));
    }

    [Fact]
    public async Task Every_step_can_be_repeated_even_after_later_ones()
    {
        _aws.BeginRotation(Secret, "v2");
        for (var done = 0; done < Steps.Length; done++)
        {
            foreach (var step in Steps.Take(done + 1))
            {
                await RunAsync(_aws.Client(), step, "v2");
            }
        }

        Assert.True(await _login.CanSignInAsync(Password("AWSCURRENT")!, default));
        Assert.Equal(FirstPassword, Password("AWSPREVIOUS"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_crash_at_any_call_the_owner_can_sign_in_and_a_retry_completes_the_rotation(bool callTookEffect)
    {
        var kills = 0;
        foreach (var killedIn in Steps)
        {
            for (var call = 1; ; call++)
            {
                var version = $"{killedIn}-{call}";
                _aws.BeginRotation(Secret, version);
                var killed = false;
                foreach (var step in Steps)
                {
                    if (step == killedIn)
                    {
                        var left = call;
                        killed = await Record.ExceptionAsync(() => RunAsync(Crashing(() => --left == 0), step, version)) is Killed;
                        Assert.True(await _login.CanSignInAsync(await GetPasswordAsync(), default), $"Locked out after call {call} of {step}");
                    }

                    await RunAsync(_aws.Client(), step, version);
                }

                Assert.True(await _login.CanSignInAsync(Password("AWSCURRENT")!, default));
                if (!killed)
                {
                    break;
                }

                kills++;
            }
        }

        Assert.True(kills >= 8, $"Only {kills} calls to crash at.");

        IAmazonSecretsManager Crashing(Func<bool> now) => Substitute.For<IAmazonSecretsManager>((_, request) =>
        {
            var crashes = now();
            if (crashes && !callTookEffect)
            {
                throw new Killed();
            }

            var response = _aws.Respond(request);
            return crashes ? throw new Killed() : Task.FromResult(response);
        });
    }

    [Fact]
    public async Task Between_set_and_finish_the_pending_password_is_used()
    {
        Assert.Equal(FirstPassword, await GetPasswordAsync());
        _aws.BeginRotation(Secret, "v2");
        Assert.Equal(FirstPassword, await GetPasswordAsync());
        await RunAsync(_aws.Client(), "createSecret", "v2");
        Assert.Equal(FirstPassword, await GetPasswordAsync());
        await RunAsync(_aws.Client(), "setSecret", "v2");
        Assert.Equal(Password("AWSPENDING"), await GetPasswordAsync());
        await RunAsync(_aws.Client(), "finishSecret", "v2");
        Assert.Equal(Password("AWSCURRENT"), await GetPasswordAsync());
    }

    [Fact]
    public async Task An_unknown_password_is_reported_with_how_to_reset_it()
    {
        _aws.BeginRotation(Secret, "v2");
        await RunAsync(_aws.Client(), "createSecret", "v2");
        await SuperuserAsync($"alter role {_role} password 'changed by hand'");
        await AssertRefusedAsync("setSecret", "v2", "aws rds modify-db-instance --master-user-password");
        await AssertRefusedAsync("testSecret", "v2", "rejects the password");
    }

    [Fact]
    public async Task Invalid_steps_are_refused()
    {
        await AssertRefusedAsync("createSecret", "v2", "turned off");
        _aws.BeginRotation(Secret, "v2");
        await AssertRefusedAsync("createSecret", "v9", "no version v9");
        await AssertRefusedAsync("setSecret", "v2", "no value yet");
        await AssertRefusedAsync("everything", "v2", "has no step everything");
        await AssertRefusedAsync("createSecret", "v2", "rotates", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:another");
        _aws.BeginRotation(Secret, "v3");
        await AssertRefusedAsync("createSecret", "v2", "not pending");
    }

    [Fact]
    public async Task Neither_the_password_nor_its_verifier_is_traced()
    {
        var seen = new List<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (seen)
                {
                    seen.Add(string.Join(' ', activity.TagObjects.Select(tag => tag.Value)));
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await RotateAsync("v2");
        await SuperuserAsync("select 'to be seen'");
        Assert.Contains(seen, text => text.Contains("to be seen", StringComparison.Ordinal));
        Assert.DoesNotContain(seen, text => text.Contains("SCRAM", StringComparison.Ordinal) || text.Contains(Password("AWSCURRENT")!, StringComparison.Ordinal));
    }

    async Task RotateAsync(string version)
    {
        _aws.BeginRotation(Secret, version);
        foreach (var step in Steps)
        {
            await RunAsync(_aws.Client(), step, version);
        }
    }

    Task RunAsync(IAmazonSecretsManager client, string step, string version, string secret = Secret) =>
        new RotateOwnerPassword(new OwnerSecret(client, Secret), _login).RunAsync(step, secret, version, default);

    async Task AssertRefusedAsync(string step, string version, string reason, string secret = Secret)
    {
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(_aws.Client(), step, version, secret));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(FirstPassword, refused.ToString(), StringComparison.Ordinal);
    }

    async Task<string> GetPasswordAsync() => await new OwnerPassword(new OwnerSecret(_aws.Client(), Secret), _login).GetAsync(new NpgsqlConnectionStringBuilder(), default);

    string? Password(string label) => _aws.Text(Secret, label) is { } text ? (string?)JsonNode.Parse(text)!["password"] : null;

    async Task SuperuserAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_database) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await connection.ExecuteAsync(sql, default);
    }

    sealed class Killed : Exception;
}

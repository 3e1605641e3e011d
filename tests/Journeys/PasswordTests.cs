using System.Security.Authentication;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>Connecting to a database over TLS with short-lived tokens, as RDS requires.</summary>
public sealed class PasswordTests : IAsyncLifetime, IDisposable
{
    readonly Authority _authority = new();
    TlsCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TlsCluster.StartAsync(_authority);
        await _cluster.ExecuteAsync("create role control_job nologin");
        await _cluster.ExecuteAsync("create role function login noinherit");
        await _cluster.ExecuteAsync("grant control_job to function");
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task The_current_token_opens_a_connection_and_an_expired_one_does_not()
    {
        var (tokens, token) = (new List<string>(), "first");
        await SetTokenAsync("first");
        await using var database = new ControlDatabase(
            Function(),
            (login, ct) =>
            {
                lock (tokens)
                {
                    tokens.Add($"{login.Host}:{login.Port} {login.Username} {token}");
                }

                return ValueTask.FromResult(token);
            });

        var open = await PidAsync();
        Assert.Equal(open, await PidAsync());
        Assert.Equal([$"{_cluster.Host}:5432 function first"], tokens);

        // The token changes. Open connections stay open; new ones need the new token.
        await SetTokenAsync("second");
        await using (var held = await database.BeginJobAsync(default))
        {
            Assert.Equal(open, await held.ScalarAsync<int>("select pg_backend_pid()", default));
            var rejected = await Assert.ThrowsAsync<PostgresException>(PidAsync);
            Assert.Equal(PostgresErrorCodes.InvalidPassword, rejected.SqlState);

            token = "second";
            Assert.NotEqual(open, await PidAsync());
        }

        Assert.Equal(["first", "first", "second"], tokens.Select(entry => entry.Split(' ')[2]));

        async Task<int> PidAsync()
        {
            await using var transaction = await database.BeginJobAsync(default);
            return await transaction.ScalarAsync<int>("select pg_backend_pid()", default);
        }
    }

    [Fact]
    public async Task Without_a_token_the_database_is_unavailable()
    {
        await using var database = new ControlDatabase(Function(), (_, _) => throw new InvalidOperationException("The role has no credentials."));
        await Assert.ThrowsAsync<NpgsqlException>(() => database.BeginJobAsync(default));
    }

    [Fact]
    public async Task A_password_in_the_connection_string_takes_precedence_over_tokens()
    {
        await SetTokenAsync("permanent");
        await using var database = new ControlDatabase($"{Function()};Password=permanent", (_, _) => throw new InvalidOperationException("No token is needed."));
        await using var transaction = await database.BeginJobAsync(default);
        await transaction.ExecuteAsync("select 1", default);
    }

    [Fact]
    public async Task The_password_is_sent_only_to_a_server_with_a_certificate_of_the_trusted_authority_for_its_name()
    {
        using var stranger = new Authority();
        await OpenAsync(_authority);
        await Assert.ThrowsAnyAsync<Exception>(() => OpenAsync(null));
        Assert.IsType<AuthenticationException>((await Assert.ThrowsAsync<NpgsqlException>(() => OpenAsync(stranger))).InnerException);

        await _cluster.PresentAsync(_authority, "database.example");
        Assert.IsType<AuthenticationException>((await Assert.ThrowsAsync<NpgsqlException>(() => OpenAsync(_authority))).InnerException);

        await _cluster.PresentAsync(stranger, _cluster.Host);
        Assert.IsType<AuthenticationException>((await Assert.ThrowsAsync<NpgsqlException>(() => OpenAsync(_authority))).InnerException);
        await OpenAsync(stranger);

        // null: the authorities the machine trusts.
        async Task OpenAsync(Authority? trusted)
        {
            var settings = new NpgsqlConnectionStringBuilder(_cluster.Settings.ToString()) { Pooling = false, RootCertificate = trusted is null ? null : _cluster.FileOf(trusted) };
            await using var connection = new NpgsqlConnection(settings.ToString());
            await connection.OpenAsync();
        }
    }

    string Function() => new NpgsqlConnectionStringBuilder(_cluster.Settings.ToString())
    {
        Username = "function",
        Password = null,
        RootCertificate = _cluster.FileOf(_authority),
    }.ToString();

    Task SetTokenAsync(string token) => _cluster.ExecuteAsync($"alter role function password '{token}'");
}

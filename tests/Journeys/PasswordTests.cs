using System.Security.Authentication;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>How a function reaches a database that it has no lasting password for: by TLS with a token, as RDS wants it.</summary>
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
    public async Task The_token_of_the_moment_opens_a_connection_and_an_expired_one_does_not()
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

        // The next token is in force. What is open stays open; what is opened needs it.
        await SetTokenAsync("second");
        await using (var held = await database.BeginJobAsync(default))
        {
            Assert.Equal(open, await held.ScalarAsync<int>("select pg_backend_pid()", default));
            var refused = await Assert.ThrowsAsync<PostgresException>(PidAsync);
            Assert.Equal(PostgresErrorCodes.InvalidPassword, refused.SqlState);

            token = "second";
            Assert.NotEqual(open, await PidAsync());
        }

        Assert.Equal(["first", "first", "second"], tokens.Select(asked => asked.Split(' ')[2]));

        async Task<int> PidAsync()
        {
            await using var transaction = await database.BeginJobAsync(default);
            return await transaction.ScalarAsync<int>("select pg_backend_pid()", default);
        }
    }

    [Fact]
    public async Task While_there_is_no_token_the_database_is_away()
    {
        await using var database = new ControlDatabase(Function(), (_, _) => throw new InvalidOperationException("The role's credentials cannot be had."));
        await Assert.ThrowsAsync<NpgsqlException>(() => database.BeginJobAsync(default));
    }

    [Fact]
    public async Task A_password_in_the_connection_string_is_the_password()
    {
        await SetTokenAsync("lasting");
        await using var database = new ControlDatabase($"{Function()};Password=lasting", (_, _) => throw new InvalidOperationException("Nobody is asked."));
        await using var transaction = await database.BeginJobAsync(default);
        await transaction.ExecuteAsync("select 1", default);
    }

    [Fact]
    public async Task Only_a_server_of_that_name_with_a_certificate_of_that_authority_is_given_the_password()
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

        // null: whom the machine trusts.
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

using Npgsql;

namespace ControlPlane.Tests;

/// <summary>A statement that PostgreSQL refuses does not make the next one fail that uses the same connection, which may be another tenant's.</summary>
public sealed class PreparedStatementTests(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task A_text_that_cannot_be_stored_does_not_affect_the_next_statement_of_its_connection()
    {
        var tenant = await _server.CreateTenantAsync();
        // Npgsql prepares a statement when a connection uses it for the second time.
        Assert.Equal("one", await ReadAsync("select $1::text as a", "one"));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ReadAsync("select $1::text as a", "a\0b"));
        Assert.Equal(PostgresErrorCodes.CharacterNotInRepertoire, refused.SqlState);
        Assert.Equal("three", await ReadAsync("select $1::text as a", "three"));

        Assert.Equal(["one"], (await ReadAsync<string[]>("select $1::text[] as a", ["one"]))!);
        await Assert.ThrowsAsync<PostgresException>(() => ReadAsync<string[]>("select $1::text[] as a", ["one", "a\0b"]));
        Assert.Equal(["three"], (await ReadAsync<string[]>("select $1::text[] as a", ["three"]))!);

        Task<T?> ReadAsync<T>(string sql, T value) => ReadOneAsync<T>(tenant.Id, sql, value);
    }

    [Fact]
    public async Task Where_values_are_refused_while_a_statement_is_prepared_the_next_use_fails_once_and_may_be_repeated()
    {
        var tenant = await _server.CreateTenantAsync();
        Assert.Equal(1, await ReadOneAsync<int>(tenant.Id, "select $1::text::int as b", "1"));
        await Assert.ThrowsAsync<PostgresException>(() => ReadOneAsync<int>(tenant.Id, "select $1::text::int as b", "x"));

        var broken = await Record.ExceptionAsync(() => ReadOneAsync<int>(tenant.Id, "select $1::text::int as b", "2"));

        Assert.True(broken?.IsDatabaseUnavailable() ?? true, broken?.ToString());
        Assert.Equal(3, await ReadOneAsync<int>(tenant.Id, "select $1::text::int as b", "3"));
    }

    async Task<T?> ReadOneAsync<T>(Guid tenant, string sql, object? value)
    {
        await using var transaction = await _server.Database.BeginAsync(tenant, CancellationToken.None);
        return await transaction.ScalarAsync<T>(sql, CancellationToken.None, value);
    }
}

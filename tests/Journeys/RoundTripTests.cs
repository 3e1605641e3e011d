namespace ControlPlane.Tests;

/// <summary>Round trips of the hot paths: setting the role costs none.</summary>
[Trait("Category", "Quick")]
public sealed class RoundTripTests : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;
    CountingRelay _relay = null!;
    ControlDatabase _database = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        _tenant = await _server.CreateReadyTenantAsync();
        (_relay, var connectionString) = CountingRelay.InFrontOf(_server.ConnectionString);
        _database = Open(connectionString);
    }

    public async Task DisposeAsync()
    {
        await _database.DisposeAsync();
        await _relay.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Authorize_is_one_round_trip()
    {
        await using var authorize = new Authorize(_database, _server.Clock);
        await AuthorizeAsync("opens the connection");
        Assert.Equal(1, await _relay.CountAsync(() => AuthorizeAsync("r1")));

        Task<AuthorizationAnswer?> AuthorizeAsync(string request) =>
            authorize.RunAsync(new AuthorizationRequest(Credentials.Hash(_tenant.ApiKey), request, "u1", "mistral:7b-instruct", 10, null, 0), default);
    }

    [Fact]
    public async Task A_transaction_is_one_round_trip_per_statement_and_one_for_its_commit()
    {
        await WorkAsync();
        Assert.Equal(3, await _relay.CountAsync(WorkAsync));

        async Task WorkAsync()
        {
            await using var transaction = await _database.BeginAsync(_tenant.Id, default);
            Assert.Equal(_tenant.Slug, await transaction.ScalarAsync<string>("select slug from control.tenant", default));
            Assert.Equal(_tenant.Slug, await transaction.ScalarAsync<string>("select slug from control.tenant", default));
            await transaction.CommitAsync(default);
        }
    }

    static ControlDatabase Open(string connectionString) => new(connectionString);
}

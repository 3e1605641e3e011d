using Npgsql;

namespace ControlPlane.AzureFunctions.Tests;

public sealed class EntraPasswordTests
{
    [Fact]
    public async Task A_connection_without_a_password_uses_a_token_of_the_identity()
    {
        var identity = new Identity();
        var provider = EntraPassword.For("Host=books.postgres.database.azure.com;Username=controlplane;Database=controlplane;SSL Mode=VerifyFull", identity);
        Assert.Equal(Identity.Token, await provider!(new NpgsqlConnectionStringBuilder(), CancellationToken.None));
        Assert.Equal(["https://ossrdbms-aad.database.windows.net/.default"], identity.Scopes);
    }

    [Theory]
    [InlineData("Host=books.postgres.database.azure.com;Username=owner;Password=secret")]
    [InlineData("Host=localhost;Username=postgres")]
    [InlineData("Host=postgres.database.azure.com.example;Username=postgres")]
    public void Other_servers_never_get_a_token(string connectionString) => Assert.Null(EntraPassword.For(connectionString, new Identity()));
}

using Npgsql;

namespace ControlPlane.AzureFunctions.Tests;

public sealed class EntraPasswordTests
{
    [Fact]
    public async Task A_login_without_a_password_signs_in_to_Azure_s_database_with_a_token_of_the_identity()
    {
        var identity = new Identity();
        var make = EntraPassword.For("Host=books.postgres.database.azure.com;Username=controlplane;Database=controlplane;SSL Mode=VerifyFull", identity);
        Assert.Equal(Identity.Token, await make!(new NpgsqlConnectionStringBuilder(), CancellationToken.None));
        Assert.Equal(["https://ossrdbms-aad.database.windows.net/.default"], identity.Scopes);
    }

    [Theory]
    [InlineData("Host=books.postgres.database.azure.com;Username=owner;Password=secret")]
    [InlineData("Host=localhost;Username=postgres")]
    [InlineData("Host=postgres.database.azure.com.example;Username=postgres")]
    public void A_token_goes_nowhere_else(string connectionString) => Assert.Null(EntraPassword.For(connectionString, new Identity()));
}

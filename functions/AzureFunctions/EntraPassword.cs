using Azure.Core;
using Npgsql;

namespace ControlPlane.AzureFunctions;

/// <summary>Signs in to Azure Database for PostgreSQL as the function app's identity: the password of each new connection is a token of Entra.</summary>
static class EntraPassword
{
    const string Servers = ".postgres.database.azure.com";

    static readonly TokenRequestContext Database = new(["https://ossrdbms-aad.database.windows.net/.default"]);

    /// <returns>null where the server is another, or the connection string has a password.</returns>
    public static PasswordProvider? For(string connectionString, TokenCredential identity)
    {
        var login = new NpgsqlConnectionStringBuilder(connectionString);
        return login.Password is null && login.Host?.EndsWith(Servers, StringComparison.OrdinalIgnoreCase) == true
            // The identity keeps a token until shortly before it ends, so this is seldom more than a look into memory.
            ? async (_, ct) => (await identity.GetTokenAsync(Database, ct)).Token
            : null;
    }
}

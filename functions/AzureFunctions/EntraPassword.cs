using Azure.Core;
using Npgsql;

namespace ControlPlane.AzureFunctions;

/// <summary>Signs in to Azure Database for PostgreSQL as the function app's identity: the password of each new connection is an Entra token.</summary>
static class EntraPassword
{
    const string Servers = ".postgres.database.azure.com";

    static readonly TokenRequestContext Database = new(["https://ossrdbms-aad.database.windows.net/.default"]);

    /// <returns>null for other servers, or if the connection string has a password.</returns>
    public static PasswordProvider? For(string connectionString, TokenCredential identity)
    {
        var login = new NpgsqlConnectionStringBuilder(connectionString);
        return login.Password is null && login.Host?.EndsWith(Servers, StringComparison.OrdinalIgnoreCase) == true
            // The identity caches tokens until shortly before they expire.
            ? async (_, ct) => (await identity.GetTokenAsync(Database, ct)).Token
            : null;
    }
}

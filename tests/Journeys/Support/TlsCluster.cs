using System.Globalization;
using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>A PostgreSQL server on TCP with TLS, like RDS, whose certificate can be replaced.</summary>
sealed class TlsCluster : IAsyncDisposable
{
    readonly DataDirectory _data;
    readonly EmbeddedPostgres _postgres;
    readonly string _folder;

    TlsCluster(DataDirectory data, EmbeddedPostgres postgres, string folder, string host)
    {
        (_data, _postgres, _folder, Host) = (data, postgres, folder, host);
        Settings = new NpgsqlConnectionStringBuilder(postgres.ConnectionString) { Host = host, SslMode = SslMode.VerifyFull, GssEncryptionMode = GssEncryptionMode.Disable };
    }

    /// <summary>A loopback address that no other server uses.</summary>
    public string Host { get; }

    /// <summary>Settings for a TLS connection as the superuser, without a trusted root.</summary>
    public NpgsqlConnectionStringBuilder Settings { get; }

    public static async Task<TlsCluster> StartAsync(Authority authority)
    {
        var data = DataDirectory.Open(Path.Combine(Path.GetTempPath(), Names.Random("tls")));
        data.TryLock();
        var host = string.Create(CultureInfo.InvariantCulture, $"127.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(256)}.{Random.Shared.Next(1, 255)}");
        await using (var first = await EmbeddedPostgres.StartAsync(data, durable: false, Console.WriteLine, CancellationToken.None))
        {
            await PresentAsync(first.ConnectionString, authority, host);
            await ExecuteAsync(first.ConnectionString, $"alter system set listen_addresses = '{host}'");
            await ExecuteAsync(first.ConnectionString, "alter system set ssl = on");
        }

        var postgres = await EmbeddedPostgres.StartAsync(data, durable: false, Console.WriteLine, CancellationToken.None);
        return new TlsCluster(data, postgres, Directory.CreateTempSubdirectory("tls-trust-").FullName, host);
    }

    /// <summary>Presents another certificate to new connections.</summary>
    public async Task PresentAsync(Authority authority, string host)
    {
        await PresentAsync(_postgres.ConnectionString, authority, host);
        await ExecuteAsync(_postgres.ConnectionString, "select pg_reload_conf()");
        // The server reloads the files asynchronously.
        await Task.Delay(TimeSpan.FromMilliseconds(500));
    }

    /// <summary>As the superuser, without TLS.</summary>
    public Task ExecuteAsync(string sql) => ExecuteAsync(_postgres.ConnectionString, sql);

    /// <returns>A file for <c>Root Certificate</c>.</returns>
    public string FileOf(Authority authority)
    {
        var file = Path.Combine(_folder, $"{Names.Random("ca")}.pem");
        File.WriteAllText(file, authority.Pem);
        return file;
    }

    public async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        Directory.Delete(_data.Path, recursive: true);
        Directory.Delete(_folder, recursive: true);
    }

    // Written by the server, which must own the files.
    static async Task PresentAsync(string connectionString, Authority authority, string host)
    {
        using var certificate = authority.Certificate(host);
        using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(certificate)!;
        foreach (var (file, pem) in new[] { ("server.key", key.ExportPkcs8PrivateKeyPem()), ("server.crt", certificate.ExportCertificatePem()) })
        {
            await ExecuteAsync(connectionString, $"copy (select unnest(string_to_array('{pem}', E'\\n'))) to program 'umask 077 && cat > {file}'");
        }
    }

    static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await connection.ExecuteAsync(sql, CancellationToken.None);
    }
}

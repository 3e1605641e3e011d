using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Npgsql;

namespace ControlPlane.Web.Shared;

/// <summary>The settings of the environment, read and checked once at start. docs/operations.md lists them.</summary>
public sealed partial record Settings(ControlPlaneOptions Options, string ConnectionString, byte[] SecretsKey)
{
    /// <exception cref="SettingException">A setting is missing or wrong; the message names it and says what to set.</exception>
    public static Settings Read(IConfiguration configuration)
    {
        var options = ReadOptions(configuration);
        return new Settings(options, ReadConnection(configuration), SecretsKeyOf(configuration["CONTROLPLANE_SECRETS_KEY"], options.DataDirectory));
    }

    /// <exception cref="SettingException">A setting is wrong; the message names it and says what to set.</exception>
    public static ControlPlaneOptions ReadOptions(IConfiguration configuration) => new()
    {
        Domain = DomainOf(configuration["CONTROLPLANE_DOMAIN"] ?? "localhost"),
        Region = RegionOf(configuration["CONTROLPLANE_REGION"] ?? "local"),
        PublicUrl = PublicUrl(configuration["CONTROLPLANE_PUBLIC_URL"] ?? "http://localhost:8080"),
        DataDirectory = Path.GetFullPath(configuration["CONTROLPLANE_DATA"] ?? ".local"),
        Sandbox = string.Equals(configuration["CONTROLPLANE_SANDBOX"], "true", StringComparison.OrdinalIgnoreCase),
    };

    /// <exception cref="SettingException">The setting is missing or wrong; the message says what to set.</exception>
    public static string ReadConnection(IConfiguration configuration) => Checked(configuration["CONTROLPLANE_DATABASE"]
        ?? throw new SettingException("CONTROLPLANE_DATABASE is not set: give an Npgsql connection string, e.g. \"Host=localhost;Username=postgres;Database=controlplane\"."));

    static string DomainOf(string value) => Uri.CheckHostName(value) == UriHostNameType.Dns
        ? value
        : throw new SettingException($"CONTROLPLANE_DOMAIN is \"{value}\": give the domain that environments live under, such as example.com.");

    static string RegionOf(string value) => RegionName().IsMatch(value)
        ? value
        : throw new SettingException(
            $"CONTROLPLANE_REGION is \"{value}\": name the place of the tenants' data in lower-case letters, digits and hyphens, such as eu-central-1.");

    // The message never repeats the value, which holds a password.
    static string Checked(string connectionString)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString).Host is { Length: > 0 }
                ? connectionString
                : throw new SettingException("The connection string of --database or CONTROLPLANE_DATABASE names no Host.");
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new SettingException(
                "--database or CONTROLPLANE_DATABASE is no connection string: give one such as \"Host=localhost;Username=postgres;Database=controlplane\".");
        }
    }

    static Uri PublicUrl(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? new Uri(url.GetLeftPart(UriPartial.Authority))
            : throw new SettingException($"CONTROLPLANE_PUBLIC_URL is \"{value}\": give the address the portal is reached at, e.g. https://portal.example.com.");

    // 32 bytes, base64. Without the setting the key is made once and kept in the data folder, readable by its owner only.
    static byte[] SecretsKeyOf(string? value, string data)
    {
        if (value is null)
        {
            var file = Path.Combine(data, "secrets.key");
            if (!File.Exists(file))
            {
                Directory.CreateDirectory(data);
                PrivateFile.WriteNew(file, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
            }

            value = File.ReadAllText(file);
        }

        var key = new byte[32];
        return Convert.TryFromBase64String(value.Trim(), key, out var written) && written == 32
            ? key
            : throw new SettingException("CONTROLPLANE_SECRETS_KEY must be 32 bytes in base64, as `openssl rand -base64 32` makes them.");
    }

    [GeneratedRegex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\z")]
    private static partial Regex RegionName();
}

/// <summary>A setting that has to be changed before the program can start. The message is for the operator.</summary>
public sealed class SettingException(string message) : Exception(message);

/// <summary>Files that only their owner may read.</summary>
public static class PrivateFile
{
    /// <summary>Writes a file that was not there before, complete or not at all. Another process that was faster wins.</summary>
    public static void WriteNew(string path, string content)
    {
        var unfinished = string.Create(CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}");
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var writer = new StreamWriter(unfinished, options))
        {
            writer.Write(content);
        }

        try
        {
            File.Move(unfinished, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(unfinished);
        }
    }
}

using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Options;

namespace ControlPlane.Platform.Encryption;

/// <summary>Stores ASP.NET Core's data protection keys, encrypted, in the database, so that a form rendered by one process is accepted by another.</summary>
public sealed class DataProtectionKeys(ControlDatabase database, SecretBox box) : IConfigureOptions<KeyManagementOptions>, IXmlRepository
{
    /// <summary>The encrypted keys. Those from before encryption are replaced by the framework after 90 days.</summary>
    public static SealedColumn Column { get; } = new(
        "data protection keys",
        "select null::uuid, name, decode(substring(xml from '<sealed[^>]*>([0-9a-f]+)</sealed>'), 'hex') from control.data_protection_key where xml like '%</sealed>%'",
        "update control.data_protection_key set xml = replace(xml, encode($3, 'hex'), encode($4, 'hex')) where $1::uuid is null and name = $2",
        (_, _) => SealedXml.Context);

    public void Configure(KeyManagementOptions options)
    {
        options.XmlRepository = this;
        options.XmlEncryptor = new SealedXml(box);
    }

    // On the thread pool: pages need the keys while they render, and would deadlock on their renderer's synchronization context.
    public IReadOnlyCollection<XElement> GetAllElements() => Task.Run(ReadAsync).GetAwaiter().GetResult();

    public void StoreElement(XElement element, string friendlyName) => Task.Run(() => WriteAsync(element, friendlyName)).GetAwaiter().GetResult();

    async Task<IReadOnlyCollection<XElement>> ReadAsync()
    {
        await using var transaction = await database.BeginAnonymousAsync(CancellationToken.None);
        return await transaction.QueryAsync("select xml from control.data_protection_key", row => XElement.Parse(row.GetString(0)), CancellationToken.None);
    }

    async Task WriteAsync(XElement element, string name)
    {
        await using var transaction = await database.BeginAnonymousAsync(CancellationToken.None);
        await transaction.ExecuteAsync(
            "insert into control.data_protection_key (name, xml) values ($1, $2) on conflict do nothing", CancellationToken.None,
            name, element.ToString(SaveOptions.DisableFormatting));
        await transaction.CommitAsync(CancellationToken.None);
    }
}

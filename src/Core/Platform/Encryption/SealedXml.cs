using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Platform.Encryption;

/// <summary>Encrypts the secret part of a data protection key.</summary>
sealed class SealedXml(SecretBox box) : IXmlEncryptor
{
    public const string Context = "data_protection_key";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement) => new(
        new XElement("sealed", Convert.ToHexStringLower(box.Seal(plaintextElement.ToString(SaveOptions.DisableFormatting), Context))), typeof(SealedXmlDecryptor));
}

/// <summary>Created by the framework for each key, by the name of this type in the stored XML: it must not be renamed.</summary>
public sealed class SealedXmlDecryptor(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement) =>
        XElement.Parse(services.GetRequiredService<SecretBox>().Open(Convert.FromHexString(encryptedElement.Value), SealedXml.Context));
}

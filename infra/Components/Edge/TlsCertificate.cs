using Pulumi.Aws.Acm;
using Pulumi.Aws.Acm.Outputs;
using Pulumi.Aws.Route53;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>An ACM certificate with DNS validation. ACM renews it as long as the validation records stay in the zone.</summary>
public sealed class TlsCertificate : ComponentResource
{
    /// <summary>Resolves once the certificate has been issued, so that its users wait for it.</summary>
    public Output<string> Arn { get; }

    /// <param name="names">Not a name together with its wildcard: both have the same validation record.</param>
    /// <param name="shared">Names for which the standby has a certificate, too.</param>
    /// <param name="region"><c>null</c>: the stack's region. CloudFront requires us-east-1.</param>
    public TlsCertificate(string name, DnsZone zone, string[] names, string[] shared, string? region = null, ComponentResourceOptions? options = null)
        : base("controlplane:edge:TlsCertificate", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var certificate = new Certificate(name, new CertificateArgs
        {
            Region = Inputs.Optional(region)!,
            DomainName = names[0],
            SubjectAlternativeNames = [.. names[1..]],
            ValidationMethod = "DNS",
            KeyAlgorithm = "EC_prime256v1",
        }, childOptions);
        // ACM requires the same record in every region of an account. Only the primary creates it: a second create would fail, and destroying a standby
        // would delete the primary's record.
        var validationRecords = names.Except(zone.IsOwnedByPrimary ? shared : []).Select(domain =>
        {
            var validation = certificate.DomainValidationOptions.Apply(options => options.First(option => option.DomainName == domain));
            return new Record($"{name}-{domain.Split('.')[0].Replace('*', 'w')}", new RecordArgs
            {
                ZoneId = zone.Id,
                Name = ValueOf(validation, option => option.ResourceRecordName),
                Type = ValueOf(validation, option => option.ResourceRecordType),
                Ttl = 300,
                Records = { ValueOf(validation, option => option.ResourceRecordValue) },
            }, childOptions);
        }).ToList();
        Arn = new CertificateValidation(name, new CertificateValidationArgs { Region = Inputs.Optional(region)!, CertificateArn = certificate.Arn },
            new CustomResourceOptions { Parent = this, DependsOn = [.. validationRecords] }).CertificateArn;
        RegisterOutputs();
    }

    static Output<string> ValueOf(Output<CertificateDomainValidationOption> validation, Func<CertificateDomainValidationOption, string?> property) =>
        validation.Apply(option => property(option)!);
}

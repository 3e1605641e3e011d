using Pulumi;
using Pulumi.Aws.Acm;
using Pulumi.Aws.Acm.Outputs;
using Pulumi.Aws.Route53;

namespace ControlPlane.Infra.Components;

/// <summary>A certificate that ACM renews by itself, because the record that proves the domain stays in the zone.</summary>
public sealed class TlsCertificate : ComponentResource
{
    /// <summary>Known only once the certificate is valid, so that what uses it waits.</summary>
    public Output<string> Arn { get; }

    /// <param name="names">Each with a proof of its own; a name and its wildcard share one, so never both.</param>
    /// <param name="shared">Those of the names that a standby has a certificate of, too.</param>
    /// <param name="region">CloudFront takes certificates from us-east-1 only; <c>null</c>: the stack's region.</param>
    public TlsCertificate(string name, DnsZone zone, string[] names, string[] shared, string? region = null, ComponentResourceOptions? options = null)
        : base("controlplane:edge:TlsCertificate", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var certificate = new Certificate(name, new CertificateArgs
        {
            Region = Inputs.Optional(region)!,
            DomainName = names[0],
            SubjectAlternativeNames = [.. names[1..]],
            ValidationMethod = "DNS",
            KeyAlgorithm = "EC_prime256v1",
        }, inside);
        // ACM asks for the same record in every region of an account. The primary makes it: the second to do so would be refused, and a standby that is
        // torn down would take it away from the primary.
        var proofs = names.Except(zone.IsPrimarys ? shared : []).Select(domain =>
        {
            var proof = certificate.DomainValidationOptions.Apply(options => options.First(option => option.DomainName == domain));
            return new Record($"{name}-{domain.Split('.')[0].Replace('*', 'w')}", new RecordArgs
            {
                ZoneId = zone.Id,
                Name = Of(proof, option => option.ResourceRecordName),
                Type = Of(proof, option => option.ResourceRecordType),
                Ttl = 300,
                Records = { Of(proof, option => option.ResourceRecordValue) },
            }, inside);
        }).ToList();
        Arn = new CertificateValidation(name, new CertificateValidationArgs { Region = Inputs.Optional(region)!, CertificateArn = certificate.Arn },
            new CustomResourceOptions { Parent = this, DependsOn = [.. proofs] }).CertificateArn;
        RegisterOutputs();
    }

    static Output<string> Of(Output<CertificateDomainValidationOption> proof, Func<CertificateDomainValidationOption, string?> part) => proof.Apply(option => part(option)!);
}

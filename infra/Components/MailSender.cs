using System.Globalization;
using Pulumi;
using Pulumi.Aws.Route53;
using Pulumi.Aws.SesV2;
using Pulumi.Aws.SesV2.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>SES as the sender of the domain's mail: signed (DKIM), with bounces at an address of its own (SPF), and a policy for all else (DMARC).</summary>
public sealed class MailSender : ComponentResource
{
    const int DkimKeys = 3;

    readonly string _domain;
    readonly EmailIdentity _identity;
    readonly ConfigurationSet _settings;

    /// <param name="first">The domain's policy is said once; a standby adds its own signatures to it.</param>
    public MailSender(string name, string domain, DnsZone zone, bool first, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:edge:MailSender", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        _domain = domain;
        _settings = new ConfigurationSet(name, new ConfigurationSetArgs
        {
            ConfigurationSetName = stack.Named(name),
            DeliveryOptions = new ConfigurationSetDeliveryOptionsArgs { TlsPolicy = "REQUIRE" },
            ReputationOptions = new ConfigurationSetReputationOptionsArgs { ReputationMetricsEnabled = true },
            SuppressionOptions = new ConfigurationSetSuppressionOptionsArgs { SuppressedReasons = { "BOUNCE", "COMPLAINT" } },
        }, inside);
        _identity = new EmailIdentity(name, new EmailIdentityArgs
        {
            EmailIdentityDetails = domain,
            ConfigurationSetName = _settings.ConfigurationSetName,
            DkimSigningAttributes = new EmailIdentityDkimSigningAttributesArgs { NextSigningKeyLength = "RSA_2048_BIT" },
        }, inside);
        for (var i = 0; i < DkimKeys; i++)
        {
            var key = i;
            var token = _identity.DkimSigningAttributes.Apply(signing => signing.Tokens[key]);
            Say(string.Create(CultureInfo.InvariantCulture, $"dkim-{i + 1}"), Output.Format($"{token}._domainkey.{domain}"), "CNAME", Output.Format($"{token}.dkim.amazonses.com"));
        }

        // Regional, so that the standby's mail is told apart from the primary's.
        var bounces = $"{stack.Region}.mail.{domain}";
        _ = new EmailIdentityMailFromAttributes(name, new EmailIdentityMailFromAttributesArgs
        {
            EmailIdentity = _identity.EmailIdentityDetails,
            MailFromDomain = bounces,
            BehaviorOnMxFailure = "USE_DEFAULT_VALUE",
        }, inside);
        Say("bounces", bounces, "MX", $"10 feedback-smtp.{stack.Region}.amazonses.com");
        Say("spf", bounces, "TXT", "v=spf1 include:amazonses.com ~all");
        if (first)
        {
            Say("dmarc", $"_dmarc.{domain}", "TXT", "v=DMARC1; p=quarantine; adkim=s; aspf=r");
        }

        RegisterOutputs();

        void Say(string what, Input<string> host, string type, Input<string> value) =>
            _ = new Record($"{name}-{what}", new RecordArgs { ZoneId = zone.Id, Name = host, Type = type, Ttl = 3_600, Records = { value } }, inside);
    }

    /// <summary>Lets a function send, as the platform and nobody else.</summary>
    public Statement Send() => new(["ses:SendEmail"], _identity.Arn, _settings.Arn) { When = [new("StringLike", "ses:FromAddress", $"*@{_domain}")] };
}

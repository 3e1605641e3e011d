using System.Globalization;
using System.Text.Json;
using Pulumi;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Route53;
using Pulumi.Aws.SecretsManager;
using Pulumi.Aws.SesV2;
using Pulumi.Aws.SesV2.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// SES as the sender of the domain's mail: signed (DKIM), with bounces at an address of its own (SPF), and a policy for all else (DMARC). Handed
/// over by SMTP, as from any host: docs/decisions/0014-aws-sdk-clients-versus-hand-signed-requests.md.
/// </summary>
public sealed class MailSender : ComponentResource
{
    /// <summary>Submission; the connection is encrypted by STARTTLS.</summary>
    public const int Port = 587;

    const int DkimKeys = 3;

    /// <summary>The setting CONTROLPLANE_SMTP: whom mail is handed to, and the password.</summary>
    public Secret Password { get; }

    readonly string _domain;
    readonly EmailIdentity _identity;
    readonly ConfigurationSet _settings;

    /// <param name="first">The domain's policy is said once; a standby adds its own signatures to it.</param>
    public MailSender(string name, string domain, DnsZone zone, bool first, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
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

        Password = MakePassword(name, keys, stack, inside);
        RegisterOutputs();

        void Say(string what, Input<string> host, string type, Input<string> value) =>
            _ = new Record($"{name}-{what}", new RecordArgs { ZoneId = zone.Id, Name = host, Type = type, Ttl = 3_600, Records = { value } }, inside);
    }

    // SMTP knows passwords only, and SES takes those of users only: one who may hand over mail of this domain, and nothing else.
    Secret MakePassword(string name, Keys keys, StackInfo stack, CustomResourceOptions inside)
    {
        var user = new User(name, new UserArgs { Name = stack.Named(name) }, inside);
        _ = new UserPolicy(name, new UserPolicyArgs
        {
            User = user.Name,
            Policy = Policy.Document(new Statement(["ses:SendRawEmail"], _identity.Arn, _settings.Arn) { When = [new("StringLike", "ses:FromAddress", $"*@{_domain}")] }),
        }, inside);
        var key = new AccessKey(name, new AccessKeyArgs { User = user.Name }, new CustomResourceOptions { Parent = this, AdditionalSecretOutputs = { "secret", "sesSmtpPasswordV4" } });
        var secret = new Secret(name, new SecretArgs
        {
            Name = stack.Named(name),
            Description = "Whom mail is handed to, and the password",
            KmsKeyId = keys.Secrets.Arn,
            RecoveryWindowInDays = stack.Protect ? 30 : 7,
        }, inside);
        _ = new SecretVersion(name, new SecretVersionArgs
        {
            SecretId = secret.Id,
            SecretString = Output.CreateSecret(Output.Tuple(key.Id, key.SesSmtpPasswordV4).Apply(login => JsonSerializer.Serialize(new Dictionary<string, string>
            {
                ["CONTROLPLANE_SMTP"] = string.Create(CultureInfo.InvariantCulture,
                    $"smtp://{Uri.EscapeDataString(login.Item1)}:{Uri.EscapeDataString(login.Item2)}@email-smtp.{stack.Region}.amazonaws.com:{Port}"),
            }))),
        }, new CustomResourceOptions { Parent = this, AdditionalSecretOutputs = { "secretString" } });
        return secret;
    }
}

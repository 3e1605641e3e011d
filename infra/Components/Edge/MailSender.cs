using System.Globalization;
using System.Text.Json;
using Pulumi.Aws.Iam;
using Pulumi.Aws.Route53;
using Pulumi.Aws.SecretsManager;
using Pulumi.Aws.SesV2;
using Pulumi.Aws.SesV2.Inputs;

namespace ControlPlane.Infra.Components.Edge;

/// <summary>
/// SES for the domain's mail: signed with DKIM, a MAIL FROM domain of its own with SPF, and a DMARC policy. Submitted by SMTP, as from any other
/// host: docs/decisions/0014-aws-sdk-clients-versus-hand-signed-requests.md.
/// </summary>
public sealed class MailSender : ComponentResource
{
    /// <summary>SMTP submission with STARTTLS.</summary>
    public const int Port = 587;

    const int DkimKeys = 3;

    /// <summary>Contains the setting CONTROLPLANE_SMTP: SMTP server, user and password.</summary>
    public Secret SmtpSecret { get; }

    readonly string _domain;
    readonly EmailIdentity _identity;
    readonly ConfigurationSet _configurationSet;

    /// <param name="isPrimary">Creates the DMARC record. A standby adds its own DKIM and MAIL FROM records only.</param>
    public MailSender(string name, string domain, DnsZone zone, bool isPrimary, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:edge:MailSender", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        _domain = domain;
        _configurationSet = new ConfigurationSet(name, new ConfigurationSetArgs
        {
            ConfigurationSetName = stack.PhysicalName(name),
            DeliveryOptions = new ConfigurationSetDeliveryOptionsArgs { TlsPolicy = "REQUIRE" },
            ReputationOptions = new ConfigurationSetReputationOptionsArgs { ReputationMetricsEnabled = true },
            SuppressionOptions = new ConfigurationSetSuppressionOptionsArgs { SuppressedReasons = { "BOUNCE", "COMPLAINT" } },
        }, childOptions);
        _identity = new EmailIdentity(name, new EmailIdentityArgs
        {
            EmailIdentityDetails = domain,
            ConfigurationSetName = _configurationSet.ConfigurationSetName,
            DkimSigningAttributes = new EmailIdentityDkimSigningAttributesArgs { NextSigningKeyLength = "RSA_2048_BIT" },
        }, childOptions);
        for (var i = 0; i < DkimKeys; i++)
        {
            var key = i;
            var token = _identity.DkimSigningAttributes.Apply(signing => signing.Tokens[key]);
            AddRecord(string.Create(CultureInfo.InvariantCulture, $"dkim-{i + 1}"), Output.Format($"{token}._domainkey.{domain}"), "CNAME", Output.Format($"{token}.dkim.amazonses.com"));
        }

        // Regional, because primary and standby share the zone.
        var mailFromDomain = $"{stack.Region}.mail.{domain}";
        _ = new EmailIdentityMailFromAttributes(name, new EmailIdentityMailFromAttributesArgs
        {
            EmailIdentity = _identity.EmailIdentityDetails,
            MailFromDomain = mailFromDomain,
            BehaviorOnMxFailure = "USE_DEFAULT_VALUE",
        }, childOptions);
        AddRecord("bounces", mailFromDomain, "MX", $"10 feedback-smtp.{stack.Region}.amazonses.com");
        AddRecord("spf", mailFromDomain, "TXT", "v=spf1 include:amazonses.com ~all");
        if (isPrimary)
        {
            AddRecord("dmarc", $"_dmarc.{domain}", "TXT", "v=DMARC1; p=quarantine; adkim=s; aspf=r");
        }

        SmtpSecret = CreateSmtpSecret(name, keys, stack, childOptions);
        RegisterOutputs();

        void AddRecord(string label, Input<string> host, string type, Input<string> value) =>
            _ = new Record($"{name}-{label}", new RecordArgs { ZoneId = zone.Id, Name = host, Type = type, Ttl = 3_600, Records = { value } }, childOptions);
    }

    // SES accepts SMTP passwords of IAM users only. This user may send mail of the domain and nothing else.
    Secret CreateSmtpSecret(string name, Keys keys, StackInfo stack, CustomResourceOptions childOptions)
    {
        var user = new User(name, new UserArgs { Name = stack.PhysicalName(name) }, childOptions);
        _ = new UserPolicy(name, new UserPolicyArgs
        {
            User = user.Name,
            Policy = Policy.Document(new Statement(["ses:SendRawEmail"], _identity.Arn, _configurationSet.Arn) { Conditions = [new("StringLike", "ses:FromAddress", $"*@{_domain}")] }),
        }, childOptions);
        var key = new AccessKey(name, new AccessKeyArgs { User = user.Name }, new CustomResourceOptions { Parent = this, AdditionalSecretOutputs = { "secret", "sesSmtpPasswordV4" } });
        var secret = new Secret(name, new SecretArgs
        {
            Name = stack.PhysicalName(name),
            Description = "SMTP server and credentials",
            KmsKeyId = keys.Secrets.Arn,
            RecoveryWindowInDays = stack.Protect ? 30 : 7,
        }, childOptions);
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

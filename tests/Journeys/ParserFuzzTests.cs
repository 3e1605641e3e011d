using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ControlPlane.Stripe;
using ControlPlane.Tests.Support.Fuzzing;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>Parsers of untrusted input throw nothing but what they declare, finish, and agree with each other.</summary>
public class ParserFuzzTests
{
    const int Cases = 20_000;

    static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    const string Event =
        """{"id":"e1","occurred_at":"2026-01-31T12:00:00.5+01:00","user":"ü","session":"s","model":"gemini-pro","prompt_tokens":10,"completion_tokens":5,"cached_prompt_tokens":3,"cache_write_tokens":7,"reasoning_tokens":5,"audio_tokens":15,"feature":"image","quantity":2,"reservation_id":"0195c5a8-0000-7000-8000-000000000000"}""";
    const string CloudEvent = """{"specversion":"1.0","id":"c","time":"2026-01-31T12:00:00Z","subject":"u","data":{"model":"m","prompt_tokens":1,"completion_tokens":2}}""";
    const string Litellm = """{"id":"l","status":"failure","call_type":"aimage_generation","cache_hit":true,"response_cost":0.5,"model":"m","model_group":"g","prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"endTime":1769860800.25,"metadata":{"user_api_key_user_id":"u","usage_object":{"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":2}}}}""";
    const string Delivery = """{"tenant":"0195c5a8-0000-7000-8000-000000000000","form":"event","received_at":"2026-01-31T12:00:00Z","events":["{}","x"],"version":1}""";

    const string Statement = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE02</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">9.90</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-01</Dt></BookgDt><AcctSvcrRef>A</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>INV-1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>""";
    const string StripeEvent = """{"id":"evt_1","object":"event","created":1769860800,"type":"customer.updated","livemode":false,"data":{"object":{"id":"cus_1","customer":"c"}}}""";

    static readonly IReadOnlyDictionary<string, (string[] Valid, Action<byte[]> Parse)> Parsers = new Dictionary<string, (string[], Action<byte[]>)>
    {
        ["usage as JSON"] = ([Event, $"[{Event},{CloudEvent}]", "[]", CloudEvent], text => ParseJson(text, UsageFormat.Event)),
        ["LiteLLM payloads"] = ([Litellm, $"[{Litellm}]"], text => ParseJson(text, UsageFormat.Litellm)),
        ["usage as lines"] = ([$"{Event}\n{CloudEvent}\r\n\n{Event}", "\n\n", $"{Event}\n"], ParseLines),
        ["queued deliveries"] = ([Delivery], text => Allow<InvalidDataException>(() => OverflowDelivery.Parse(text))),
        ["queue messages"] = ([.. OverflowMessages.Write(OverflowDelivery.Parse(Encoding.UTF8.GetBytes(Delivery)), 100_000), "", "AAAA"], text => Allow<InvalidDataException>(() => OverflowMessages.Read(Encoding.Latin1.GetString(text)))),
        ["signatures"] = ([$"v1,{new string('A', 43)}=", "v1,AAAA v2,BBBB"], VerifySignature),
        ["bank statements"] = ([Statement], text => Allow<StatementException>(() => CamtStatement.Read(new MemoryStream(text)))),
        ["Stripe's webhooks"] = ([StripeEvent, "t=1769860800,v1=00", "t=,v1=,v0"], ReadWebhook),
        ["cursors and days"] = (["WyJhIiwiYiJd", "2026-01-31", Query.Cursor(["2026-01-31", "ü"])], ReadQuery),
        ["names and addresses"] = (["Ada@Example.com", "ü@bücher.example", "acme-1", "DE123456788", "Acme GmbH"], ReadNames),
    };

    public static IEnumerable<object[]> ParserNames => Parsers.Keys.Select(name => new object[] { name });

    [Theory]
    [MemberData(nameof(ParserNames))]
    public void A_parser_survives_any_input(string name)
    {
        var (valid, parse) = Parsers[name];
        var seed = Seeds.Next();
        var inputs = new FuzzedText(new Random(seed), valid);
        var started = Stopwatch.GetTimestamp();
        for (var number = 0; number < Cases || Stopwatch.GetElapsedTime(started) < Seeds.FuzzingTime / Parsers.Count; number++)
        {
            var input = inputs.Next();
            var before = Stopwatch.GetTimestamp();
            var failure = Record.Exception(() => parse(input));
            Assert.True(failure is null, $"Seed {seed}, case {number}: {Convert.ToBase64String(input)}\n{failure}");
            Assert.True(Stopwatch.GetElapsedTime(before) < Longest, $"Seed {seed}, case {number} took {Stopwatch.GetElapsedTime(before)}: {Convert.ToBase64String(input)}");
        }
    }

    static void ParseJson(byte[] text, UsageFormat format) => Allow<JsonException>(() => CheckAll(UsageParser.ParseJson(text, format)));

    static void ParseLines(byte[] text)
    {
        var whole = UsageParser.ParseLines(text, UsageFormat.Event);
        CheckAll(whole);
        Assert.Equal(whole.Select(Summary), StreamedAsync(text).GetAwaiter().GetResult().Select(Summary));

        static (long, string?, UsageEvent?, Rejection?, string) Summary(Submission s) => (s.Index, s.Id, s.Event, s.Rejection, s.Raw);
    }

    static async Task<List<Submission>> StreamedAsync(byte[] text)
    {
        var all = new List<Submission>();
        await foreach (var batch in UsageBody.ReadLinesAsync(new MemoryStream(text), UsageFormat.Event, delivery: null, CancellationToken.None))
        {
            all.AddRange(batch);
        }

        return all;
    }

    // What is kept in quarantine or in the overflow is read again as the same event.
    static void CheckAll(List<Submission> submissions) => Assert.All(submissions, submission =>
    {
        Assert.NotEqual(submission.Event is null, submission.Rejection is null);
        Assert.True(submission.Event is null || submission.Event == ReadUsage.Parse(submission.Format, submission.Raw).Event);
        Assert.True(submission.Id is not { Length: > ExternalIds.MaximumLength });
    });

    static void VerifySignature(byte[] text)
    {
        if (SignatureHeaders.Parse("m", "1769860800", Encoding.Latin1.GetString(text)) is { } headers)
        {
            using var verifier = new SignatureVerifier([new byte[32]], headers);
            verifier.Append(text);
            Assert.False(verifier.IsValid());
        }
    }

    static void ReadWebhook(byte[] text)
    {
        var settings = new StripeSettings("sk_test_12345678", ["whsec_x"], Api: null);
        var now = DateTimeOffset.FromUnixTimeSeconds(1_769_860_800);
        Assert.Null(StripeWebhooks.Read(text, Encoding.Latin1.GetString(text), settings, now));
        if (StripeWebhooks.Read(text, StandInEvent.Sign(Encoding.UTF8.GetString(text), now, "whsec_x"), settings, now) is { } read)
        {
            _ = StripeWebhooks.CustomerOf(read);
            _ = StripeWebhooks.ObjectMember(read, "mode");
        }
    }

    static void ReadQuery(byte[] text)
    {
        var query = Encoding.UTF8.GetString(text);
        if (Query.TryReadCursor(query, 2, out var keys) && keys is not null)
        {
            Assert.True(Query.TryReadCursor(Query.Cursor(keys), 2, out var again));
            Assert.Equal(keys, again);
        }

        _ = Query.Day(query, default);
    }

    static void ReadNames(byte[] text)
    {
        var name = Encoding.UTF8.GetString(text);
        _ = EmailAddress.Validate(name);
        Assert.Equal(EmailAddress.Normalize(name), EmailAddress.Normalize(EmailAddress.Normalize(name)));
        _ = Slug.Validate(name);
        _ = VatId.Validate(VatId.Normalize(name) ?? "", "DE");
        _ = PlainText.IsPrintable(name);
        _ = BearerKeys.KeyOf(new DefaultHttpContext { Request = { Headers = { Authorization = name } } }.Request);
        Assert.Equal(ExternalIds.Stored(name), ExternalIds.Stored(ExternalIds.Stored(name)));
    }

    static void Allow<T>(Action parse)
        where T : Exception
    {
        try
        {
            parse();
        }
        catch (T)
        {
            // Declared.
        }
    }
}

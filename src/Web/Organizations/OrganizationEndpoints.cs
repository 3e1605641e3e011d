using System.Security.Claims;
using System.Text.Json;

namespace ControlPlane.Web.Organizations;

static class OrganizationEndpoints
{
    public static void MapOrganization(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/organization").RequireAuthorization(Policies.Tenant).WithTags("Organization");
        group.MapGet("", Get).RequireScope(KeyScopes.BillingRead).WithName("getOrganization").WithSummary("Get what invoices say about your organization");
        group.MapPatch("", Patch).RequireRateLimiting(TenantLimits.Changes).Accepts<OrganizationPatch>("application/json").WithName("changeOrganization")
            .WithSummary("Change what the next invoices say about your organization")
            .WithDescription("Send the members to change; null removes a value. Invoices that exist stay as they are. A new VAT ID counts once the EU register has confirmed it.");
    }

    static async Task<Results<Ok<OrganizationReply>, ProblemHttpResult>> Get(ClaimsPrincipal user, EditOrganization organization, CancellationToken ct) =>
        await organization.FindAsync(user.TenantId(), ct) is { } found ? TypedResults.Ok(OrganizationReply.Of(found)) : NotFound();

    static async Task<Results<Ok<OrganizationReply>, ValidationProblem, ProblemHttpResult>> Patch(
        JsonElement body, ClaimsPrincipal user, EditOrganization organization, CancellationToken ct) =>
        await organization.RunAsync(user.TenantId(), (present, errors) => OrganizationPatch.Apply(body, present, errors), user.ActorName(), ct) switch
        {
            EditOrganizationResult.Done done => TypedResults.Ok(OrganizationReply.Of(done.Known)),
            EditOrganizationResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            _ => NotFound(),
        };

    static ProblemHttpResult NotFound() => TypedResults.Problem("There is no such organization.", statusCode: StatusCodes.Status404NotFound, title: "Not found");
}

/// <param name="Reference">Printed on invoices, such as a purchase order number or Leitweg-ID.</param>
/// <param name="InvoiceEmail">Where mails about money go; absent: to owners and billing members.</param>
/// <param name="Language">Of those mails: en or de.</param>
sealed record OrganizationReply(string Name, OrganizationAddress Address, string? InvoiceEmail, string? Reference, OrganizationVatId? VatId, string Language)
{
    public static OrganizationReply Of(KnownOrganization known)
    {
        var o = known.Organization;
        return new(
            o.Name!, new(o.Line1, o.Line2, o.PostalCode, o.City, o.State, o.Country), o.InvoiceEmail, o.Reference,
            o.VatId is null ? null : new(o.VatId, known.VatIdStatus!), o.Language!);
    }
}

/// <param name="Country">ISO 3166-1 alpha-2.</param>
sealed record OrganizationAddress(string? Line1, string? Line2, string? PostalCode, string? City, string? State, string? Country);

/// <param name="Status">confirmed by the EU register; pending; unconfirmed.</param>
sealed record OrganizationVatId(string Value, string Status);

/// <summary>JSON merge patch (RFC 7396): absent members stay, null removes.</summary>
sealed record OrganizationPatch(
    string? Name, OrganizationAddress? Address, string? InvoiceEmail, string? Reference, string? VatId, string? Language)
{
    /// <summary>What is unknown or no text is an error: a typing error must not pass for a change.</summary>
    public static Organization Apply(JsonElement patch, Organization present, FieldErrors errors)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            errors.Check("body", "Send a JSON object with the members to change.");
            return present;
        }

        foreach (var member in Members(patch))
        {
            present = member.Name switch
            {
                "name" => present with { Name = Text(member, errors) },
                "address" => ApplyAddress(member.Value, present, errors),
                "invoice_email" => present with { InvoiceEmail = Text(member, errors) },
                "reference" => present with { Reference = Text(member, errors) },
                "vat_id" => present with { VatId = Text(member, errors) },
                "language" => present with { Language = Text(member, errors) },
                _ => Unknown(member, "name, address, invoice_email, reference, vat_id and language", present, errors),
            };
        }

        return present;
    }

    static Organization ApplyAddress(JsonElement address, Organization present, FieldErrors errors)
    {
        if (address.ValueKind != JsonValueKind.Object)
        {
            errors.Check("address", "Send an object with the members to change.");
            return present;
        }

        foreach (var member in Members(address))
        {
            present = member.Name switch
            {
                "line1" => present with { Line1 = Text(member, errors) },
                "line2" => present with { Line2 = Text(member, errors) },
                "postal_code" => present with { PostalCode = Text(member, errors) },
                "city" => present with { City = Text(member, errors) },
                "state" => present with { State = Text(member, errors) },
                "country" => present with { Country = Text(member, errors) },
                _ => Unknown(member, "line1, line2, postal_code, city, state and country", present, errors),
            };
        }

        return present;
    }

    sealed record Member(string Name, JsonElement Value);

    static IEnumerable<Member> Members(JsonElement element) => element.EnumerateObject().Select(member => new Member(NameOf(member), member.Value));

    static string NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, which JSON allows.
            return "body";
        }
    }

    static Organization Unknown(Member member, string known, Organization present, FieldErrors errors)
    {
        errors.Check(member.Name, $"There is no such member. Known are {known}.");
        return present;
    }

    static string? Text(Member member, FieldErrors errors)
    {
        try
        {
            if (member.Value.ValueKind is JsonValueKind.String or JsonValueKind.Null)
            {
                return member.Value.GetString();
            }
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
        }

        errors.Check(member.Name, "Send a text, or null to remove the value.");
        return null;
    }
}

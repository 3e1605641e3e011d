using System.Globalization;
using System.Security.Claims;

namespace ControlPlane.Web.Billing;

/// <summary>One invoice of any tenant, for operators: what became of it, a payment that arrived, a correction, a write-off.</summary>
static class OperatorInvoicePages
{
    public static void MapOperatorInvoicePages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/invoices/{number}", Show);
        pages.MapGet("/invoices/{number}.pdf", Pdf);
        pages.MapPost("/invoices/{number}/payments", RecordPayment).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/invoices/{number}/credit-notes", Credit).AllowRoles(OperatorRole.Billing);
        pages.MapPost("/invoices/{number}/write-off", WriteOff).AllowRoles(OperatorRole.Billing);
        // Reached by a reload or a sign-in after a form was posted.
        foreach (var form in new[] { "payments", "credit-notes", "write-off" })
        {
            pages.MapGet($"/invoices/{{number}}/{form}", (string number) => new SeeOther(PathOf(number)));
        }
    }

    static Task<IResult> Show(string number, string? done, ControlDatabase database, Clock clock, CancellationToken ct) => RenderAsync(
        number, database, clock, ct,
        notice: done switch { "paid" => "Payment recorded.", "credited" => "Correction written and mailed.", "written-off" => "The open amount is written off.", _ => null });

    static async Task<Results<FileContentHttpResult, NotFound>> Pdf(string number, ControlDatabase database, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.InvoiceByNumberAsync(number, ct) is { } invoice && await transaction.InvoicePdfAsync(invoice.Tenant, number, ct) is { } pdf
            ? TypedResults.File(pdf, "application/pdf", $"{number}.pdf")
            : TypedResults.NotFound();
    }

    static async Task<IResult> RecordPayment(
        string number, IFormCollection form, ClaimsPrincipal user, RecordTransfer record, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var amount = FormNumbers.Amount(form, "amount", errors);
        errors.Check("amount", amount is null ? "Enter an amount in euros, such as 14.58." : null);
        var isDay = DateOnly.TryParseExact(form["received_on"], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day);
        errors.Check("received_on", isDay ? null : "Enter a day such as 2026-12-31.");
        return errors.Count > 0
            ? await RefuseAsync(errors)
            : await record.RunAsync(number, amount!.Value, day, FormNumbers.Text(form, "reference") ?? "", user.ActorName(), ct) switch
            {
                TransferResult.Recorded => new SeeOther($"{PathOf(number)}?done=paid"),
                TransferResult.Invalid invalid => await RefuseAsync(invalid.Errors),
                TransferResult.AlreadyRecorded => await RenderAsync(number, database, clock, ct, problem: "A transfer with this reference is on record for the invoice."),
                _ => await RenderAsync(number, database, clock, ct, problem: "The invoice has nothing to collect."),
            };

        Task<IResult> RefuseAsync(FieldErrors refused) => RenderAsync(number, database, clock, ct, problem: string.Join(' ', refused.Values));
    }

    static async Task<IResult> Credit(
        string number, IFormCollection form, ClaimsPrincipal user, CreateCreditNote create, ControlDatabase database, Clock clock, CancellationToken ct)
    {
        var errors = new FieldErrors();
        var net = FormNumbers.Amount(form, "net", errors);
        var line = FormNumbers.Whole<int>(form, "line", errors);
        errors.Check("net", line is not null && net is null ? "Enter how much of the line is taken back, before tax." : null);
        if (errors.Count > 0)
        {
            return await RenderAsync(number, database, clock, ct, problem: string.Join(' ', errors.Values));
        }

        var request = new CreditNoteRequest(
            line is null ? null : [new CreditedLine(line.Value, net!.Value)], FormNumbers.Text(form, "reason") ?? "", form["refund"] == "provider");
        return await create.RunAsync(number, request, user.ActorName(), ct) switch
        {
            CreateCreditNoteResult.Created => new SeeOther($"{PathOf(number)}?done=credited"),
            CreateCreditNoteResult.NotPossible refused => await RenderAsync(number, database, clock, ct, problem: refused.Why),
            _ => TypedResults.NotFound(),
        };
    }

    static async Task<IResult> WriteOff(
        string number, IFormCollection form, ClaimsPrincipal user, WriteOffInvoice writeOff, ControlDatabase database, Clock clock, CancellationToken ct) =>
        await writeOff.RunAsync(number, FormNumbers.Text(form, "reason"), user.ActorName(), ct) switch
        {
            WriteOffResult.WrittenOff => new SeeOther($"{PathOf(number)}?done=written-off"),
            WriteOffResult.Invalid invalid => await RenderAsync(number, database, clock, ct, problem: string.Join(' ', invalid.Errors.Values)),
            WriteOffResult.NothingOpen => await RenderAsync(number, database, clock, ct, problem: $"Invoice {number} has no open amount."),
            _ => TypedResults.NotFound(),
        };

    static async Task<IResult> RenderAsync(
        string number, ControlDatabase database, Clock clock, CancellationToken ct, string? notice = null, string? problem = null)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.InvoiceByNumberAsync(number, ct) is not { } invoice)
        {
            return TypedResults.NotFound();
        }

        return new RazorComponentResult<OperatorInvoicePage>(new
        {
            Invoice = invoice,
            Standing = (await transaction.StandingsAsync([invoice.Id], ct))[invoice.Id],
            Now = clock.GetUtcNow(),
            Settlements = await transaction.SettlementsAsync(invoice.Id, ct),
            CreditNotes = await transaction.CreditNotesOfAsync(invoice.Id, ct),
            Notice = notice,
            Problem = problem,
        })
        { StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }

    static string PathOf(string number) => $"/admin/invoices/{Uri.EscapeDataString(number)}";
}

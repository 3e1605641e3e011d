using System.Globalization;
using System.Text.RegularExpressions;
using CliWrap;

namespace ControlPlane.Provisioning;

/// <summary>
/// Limits the documents in an environment's own database, and counts them: Open WebUI limits their number in the browser only. Its table <c>file</c> has all uploads;
/// a picture is one that was not processed for retrieval. Everything runs with the rights of Open WebUI's login: what its owner has put there cannot do more by it.
/// </summary>
static partial class DocumentLimit
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    static readonly string[] Command =
    [
        "psql", $"--username={TenantEnvironment.WebuiSchema}", $"--dbname={TenantEnvironment.DatabaseName}", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
        "--set=ON_ERROR_STOP=1",
    ];

    /// <param name="allowed">Beyond it an upload is refused; null: any number.</param>
    /// <returns>The number of documents; null: Open WebUI has not created its tables yet.</returns>
    /// <exception cref="StepFailedException">The environment's database is unavailable, or does not have the tables that this release knows.</exception>
    public static async Task<long?> ApplyAsync(IDataPlane dataPlane, TenantEnvironment environment, long? allowed, CancellationToken ct)
    {
        var output = await dataPlane.RunBesideDatabaseAsync(environment, Command, PipeSource.FromString(Script(allowed)), Timeout, ct);
        return Counted().Match(output) is { Success: true } match ? long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : null;
    }

    static string Script(long? allowed) => Template
        .Replace("{allowed}", allowed?.ToString(CultureInfo.InvariantCulture) ?? "null", StringComparison.Ordinal)
        .Replace("{is_document}", IsDocument, StringComparison.Ordinal)
        .Replace("{is_document of new}", IsDocument.Replace("{row}", "new.", StringComparison.Ordinal), StringComparison.Ordinal)
        .Replace("{row}", "", StringComparison.Ordinal);

    // As text, because the columns have been of different types, and because JSON with \u0000 cannot be read as JSON. Only what is sent as a picture is read further:
    // documents are long.
    const string IsDocument = """(case when {row}meta::text ~ '"content_type":\s*"image/' then coalesce({row}data::text, '') ~ '"(status|content)":' else true end)""";

    // The lock makes uploads at the same time count each other. Where a later Open WebUI has other columns, uploads must not fail: the count below does, and is reported.
    const string Template = """
        set search_path = open_webui;
        set lock_timeout = '5s';
        set statement_timeout = '20s';
        select to_regclass('open_webui.file') is not null as has_files \gset
        \if :has_files
        do $install$
        declare
            body constant text := $body$
        declare
            allowed constant bigint := {allowed};
            documents bigint;
        begin
            if allowed is null then
                return new;
            end if;

            perform pg_advisory_xact_lock(hashtext('limit_documents'));
            begin
                if {is_document of new} then
                    select count(*) into documents from open_webui.file where {is_document};
                end if;
            exception when others then
                return new;
            end;

            if documents >= allowed then
                raise exception 'The plan includes % documents: delete one before uploading another.', allowed using errcode = 'check_violation';
            end if;

            return new;
        end $body$;
        begin
            if not exists (select from pg_proc where oid = to_regprocedure('open_webui.limit_documents()') and prosrc = body) then
                execute format('create or replace function open_webui.limit_documents() returns trigger language plpgsql as %L', body);
            end if;

            if not exists (select from pg_trigger where tgrelid = 'open_webui.file'::regclass and tgname = 'limit_documents' and tgenabled = 'O') then
                execute 'drop trigger if exists limit_documents on open_webui.file';
                execute 'create trigger limit_documents before insert on open_webui.file for each row execute function open_webui.limit_documents()';
            end if;
        end $install$;
        select 'documents ' || count(*) from open_webui.file where {is_document};
        \endif

        """;

    [GeneratedRegex(@"^documents (\d{1,15})\r?$", RegexOptions.Multiline)]
    private static partial Regex Counted();
}

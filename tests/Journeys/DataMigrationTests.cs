namespace ControlPlane.Tests;

/// <summary>What migrations make of the data of earlier releases.</summary>
public sealed class DataMigrationTests : IAsyncLifetime
{
    MigratedDatabase _database = null!;

    public async Task InitializeAsync() => _database = await MigratedDatabase.NewAsync();

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task Keys_from_before_scopes_keep_every_right_and_deletions_in_progress_end_access()
    {
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0021_keys_and_operators")], []);
        await _database.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, region, requested_plan, status, created_at)
            select gen_random_uuid(), slug, slug, 'DE', 'local', 'basic', status, now()
            from (values ('kept', 'active'), ('leaving', 'active'), ('gone', 'deleted')) t (slug, status)
            """);
        await _database.ExecuteAsync(
            """
            insert into control.environment (tenant_id, state, address, updated_at)
            select id, 'deleting', slug, now() from control.tenant where slug = 'leaving'
            """);
        await _database.ExecuteAsync(
            """
            insert into control.tenant_key (id, tenant_id, name, prefix, hash, created_at)
            select gen_random_uuid(), id, name, 'cpt_', convert_to(slug || name, 'utf8'), now() from control.tenant, (values ('app'), ('gateway')) k (name)
            """);
        await _database.MigrateAsync();

        Assert.Equal(["gone true", "kept false", "leaving true"], await _database.ReadAsync("select slug || ' ' || is_deleted from control.tenant order by slug"));
        Assert.Equal(
            ["keptapp {admin}", "keptgateway {authorize,usage:write}", "leavinggateway {authorize,usage:write}"],
            await _database.ReadAsync(
                """
                select convert_from(k.hash, 'utf8') || ' ' || f.scopes::text from control.tenant_key k, lateral control.find_tenant_key_2(k.hash) f order by 1
                """));
    }

    [Fact]
    public async Task Environments_keep_the_names_that_they_have()
    {
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0048_closed_tenants")], []);
        await _database.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, region, requested_plan, status, created_at)
            select gen_random_uuid(), slug, slug, 'DE', 'local', 'basic', 'active', now() from (values ('ready'), ('deleting'), ('deleted')) t (slug)
            """);
        await _database.ExecuteAsync("insert into control.environment (tenant_id, state, address, updated_at) select id, slug, slug, now() from control.tenant");
        await _database.MigrateAsync();

        Assert.Equal(
            ["deleted -", "deleting deleting", "ready ready"], await _database.ReadAsync("select address || ' ' || coalesce(former_name, '-') from control.environment order by address"));
    }

    [Fact]
    public async Task Owners_of_environments_that_were_ready_before_are_not_welcomed_again()
    {
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0023_resumable_jobs")], []);
        await _database.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, region, requested_plan, status, created_at)
            select gen_random_uuid(), slug, slug, 'DE', 'local', 'basic', 'active', now()
            from (values ('ready'), ('suspended'), ('new'), ('failed-first'), ('failed-later'), ('mailed')) t (slug)
            """);
        await _database.ExecuteAsync(
            """
            insert into control.environment (tenant_id, state, address, updated_at)
            select id, case slug when 'ready' then 'ready' when 'suspended' then 'suspended' when 'new' then 'requested' else 'failed' end, slug, now() from control.tenant
            """);
        await _database.ExecuteAsync(
            """
            insert into control.provisioning_run (id, tenant_id, kind, state, requested_at)
            select gen_random_uuid(), id, case slug when 'failed-later' then 'restart' else 'provision' end, 'failed', now() from control.tenant where slug like 'failed%'
            """);
        await _database.ExecuteAsync(
            """
            insert into control.outbox (id, tenant_id, dedupe_key, recipient, subject, body, created_at)
            select gen_random_uuid(), id, 'welcome:' || id, 'a@example.org', 's', 'b', now() from control.tenant where slug = 'mailed'
            """);

        await _database.MigrateAsync();

        Assert.Equal(
            ["failed-first false", "failed-later true", "mailed true", "new false", "ready true", "suspended true"],
            await _database.ReadAsync("select t.slug || ' ' || (e.welcomed_at is not null) from control.environment e join control.tenant t on t.id = e.tenant_id order by t.slug"));
    }

    [Fact]
    public async Task Trials_whose_environments_were_never_ready_have_not_begun()
    {
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0033_first_ready")], []);
        await _database.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, region, requested_plan, status, created_at)
            select gen_random_uuid(), slug, slug, 'DE', 'local', 'trial', 'active', now()
            from (values ('ready'), ('provisioning'), ('failed-first'), ('failed-later')) t (slug)
            """);
        await _database.ExecuteAsync(
            """
            insert into control.environment (tenant_id, state, address, updated_at, created_at, first_ready_at)
            select id, split_part(slug, '-', 1), slug, now(), now(), now() from control.tenant
            """);
        await _database.ExecuteAsync(
            """
            insert into control.provisioning_run (id, tenant_id, kind, state, requested_at)
            select gen_random_uuid(), id, 'provision', case slug when 'failed-later' then 'succeeded' else 'failed' end, now() from control.tenant where slug like 'failed%'
            """);

        await _database.MigrateAsync();

        Assert.Equal(
            ["failed-first false", "failed-later true", "provisioning false", "ready true"],
            await _database.ReadAsync("select t.slug || ' ' || (e.first_ready_at is not null) from control.environment e join control.tenant t on t.id = e.tenant_id order by t.slug"));
    }

    [Fact]
    public async Task Tenants_that_an_operator_created_and_paying_ones_that_have_used_the_platform_are_approved()
    {
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0034_tenant_approval")], []);
        await _database.ExecuteAsync(
            """
            insert into control.tenant (id, slug, organization, country, region, requested_plan, status, created_at)
            select gen_random_uuid(), slug, slug, 'DE', 'local', 'basic', 'active', now() from (values ('created'), ('paying'), ('trial'), ('waiting')) t (slug)
            """);
        await _database.ExecuteAsync(
            """
            insert into control.environment (tenant_id, state, address, updated_at, first_ready_at) select id, 'ready', slug, now(), now() from control.tenant where slug in ('paying', 'trial')
            """);
        await _database.ExecuteAsync(
            """
            insert into control.subscription (tenant_id, plan, status, started_at, anchor, trial_ends_at)
            select id, 'basic', 'active', now(), current_date, case slug when 'trial' then now() end from control.tenant
            """);
        await _database.ExecuteAsync(
            """
            insert into control.audit_log (id, tenant_id, occurred_at, actor, action, detail)
            select gen_random_uuid(), id, now(), 'operator', 'tenant.created', '{}' from control.tenant where slug = 'created'
            """);

        await _database.MigrateAsync();

        Assert.Equal(["created", "paying"], await _database.ReadAsync("select slug from control.tenant where approved_at is not null order by slug"));
    }

    [Fact]
    public async Task Models_keep_their_names_and_prices_and_get_routes_that_end_where_the_provider_has_shut_them_down()
    {
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0035_model_routes")], []);
        // An operator has added models, one of them without a provider that is known, and has sent a retired name to a model of the same provider.
        await _database.ExecuteAsync(
            """
            insert into control.model (name, provider, is_local, gateway_model) values
                ('own', 'openai', false, 'openai/own'), ('wrong', 'ollama', true, 'openai/wrong'), ('gpt-6-luna', 'openai', false, 'openai/gpt-6-luna-2026')
            """);
        await _database.ExecuteAsync("insert into control.model_price (model, effective_from, prompt_eur_per_1000, completion_eur_per_1000) values ('gpt-6-luna', '2026-10-01Z', 7, 7)");
        await _database.ExecuteAsync("update control.model set gateway_model = 'openai/gpt-4.1' where name = 'gpt-4-turbo'");

        await _database.MigrateAsync();

        Assert.Equal(
            ["claude-3-opus 2026-01-05", "claude-3-sonnet 2025-07-21", "gemini-1.5-pro 2025-09-29", "gemini-pro 2025-09-29", "gpt-3.5-turbo 2026-10-23"],
            await _database.ReadAsync("select model || ' ' || to_char(effective_to at time zone 'UTC', 'YYYY-MM-DD') from control.model_route where effective_to is not null order by 1"));
        Assert.Equal(
            ["gpt-4-turbo openai/gpt-4.1", "gpt-6-luna openai/gpt-6-luna-2026", "own openai/own", "wrong openai/wrong"],
            await _database.ReadAsync("select model || ' ' || gateway_model from control.model_route where model in ('own', 'wrong', 'gpt-4-turbo', 'gpt-6-luna') order by 1"));
        Assert.Equal(["7.000000"], await _database.ReadAsync("select prompt_eur_per_1000::text from control.model_price where model = 'gpt-6-luna'"));
        Assert.Empty(await _database.ReadAsync("select m.name from control.model m where not exists (select from control.model_route r where r.model = m.name)"));
        Assert.Equal(["0.015000"], await _database.ReadAsync("select completion_eur_per_1000::text from control.model_price where model = 'claude-3-opus'"));
        Assert.Equal(
            ["basic gemini-3.8-flash", "basic gemini-pro", "basic llama3:8b", "basic mistral:7b-instruct"],
            await _database.ReadAsync("select plan || ' ' || model from control.plan_model where plan = 'basic' order by 1"));
        Assert.Equal(["mistral:7b-instruct"], await _database.ReadAsync("select model from control.plan_model where plan = 'trial'"));
    }

    [Theory]
    [InlineData("('mistral:7b', true, 'ollama', 'openai/gpt-6-sol', now())")]
    [InlineData("('mistral:7b', true, 'openai', 'ollama_chat/other', now())")]
    [InlineData("('mistral:7b', false, 'openai', 'openai/other', now())")]
    [InlineData("('gpt-6-sol', false, 'openai', 'ollama_chat/other', now())")]
    [InlineData("('gpt-6-sol', true, 'ollama', 'ollama_chat/other', now())")]
    public async Task The_schema_refuses_a_route_of_a_local_model_to_a_provider_and_the_reverse(string route)
    {
        await _database.MigrateAsync();
        var error = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => _database.ExecuteAsync(
            $"insert into control.model_route (model, is_local, provider, gateway_model, effective_from) values {route}"));
        Assert.StartsWith("23", error.SqlState, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wider_sums_rewrite_no_table_and_keep_the_rights_on_their_view()
    {
        const string files = """
            select relname || ' ' || relfilenode || ' ' || coalesce(relacl::text, '') from pg_class
            where oid in ('control.usage_counter'::regclass, 'control.daily_usage'::regclass, 'control.invoice_line'::regclass, 'control.daily_usage_summary'::regclass) order by 1
            """;
        await _database.MigrateAsync([.. SchemaScripts.Migrations.TakeWhile(migration => migration.Name != "0031_usage_amounts")], []);
        await _database.ExecuteAsync("grant select on control.daily_usage_summary to pg_monitor");
        var before = await _database.ReadAsync(files);
        Assert.Equal(4, before.Count);

        await _database.MigrateAsync();

        Assert.Equal(before, await _database.ReadAsync(files));
    }
}

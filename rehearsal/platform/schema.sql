-- The platform's tables as far as an import meets them, in our own words: the same columns, constraints,
-- names of constraints and triggers. Made into the first schema of the search_path.

-- People -------------------------------------------------------------------------------------------------

create table users (
    id text primary key,
    public_id text not null,
    name text,
    email text,
    email_verified boolean default false,
    image text,
    role text not null default 'customer',
    lago_customer_external_id text,
    onboarded_at timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint users_public_id_key unique (public_id),
    constraint users_public_id_format_check check (public_id ~ '^[23456789ABCDEFGHJKMNPQRSTVWXYZ]{8}$'),
    constraint users_role_check check (role in ('admin', 'customer'))
);
-- In this order: where address and Lago id are both taken, the address is what the server complains about.
create unique index users_email_lower_unique on users (lower(email));
create unique index users_lago_external_id_unique on users (lago_customer_external_id)
    where lago_customer_external_id is not null;

create table sessions (
    id text primary key,
    user_id text not null references users on delete cascade,
    token text not null unique,
    expires_at timestamptz not null,
    ip_address text,
    user_agent text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table verifications (
    id text primary key,
    identifier text not null,
    value text not null,
    expires_at timestamptz not null,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table devices (
    id uuid primary key default gen_random_uuid(),
    owner_user_id text not null references users on delete cascade,
    created_at timestamptz not null default now()
);

create table notifications (
    id serial primary key,
    kind text not null,
    severity text not null default 'info',
    audience text not null default 'admin',
    user_id text references users on delete cascade,
    source_type text,
    source_id text,
    context jsonb,
    created_at timestamptz not null default now(),
    constraint notifications_severity_check check (severity in ('info', 'success', 'warn', 'error')),
    constraint notifications_audience_check check (audience in ('admin', 'customer', 'all'))
);

create table auth_audit (
    id serial primary key,
    event text not null,
    user_id text references users on delete set null,
    email_hash text,
    ip text,
    ua text,
    route text,
    metadata jsonb,
    created_at timestamptz not null default now()
);

-- Cards ----------------------------------------------------------------------------------------------------

create table user_mappings (
    id serial primary key,
    steve_ocpp_tag_pk integer not null,
    steve_ocpp_id_tag text not null,
    user_id text references users on delete set null,
    lago_customer_external_id text,
    lago_subscription_external_id text,
    display_name text,
    notes text,
    tag_type text not null default 'ev_card',
    billing_tier text not null default 'standard',
    cards_issued integer not null default 0,
    is_active boolean default true,
    device_id uuid references devices on delete cascade,
    steve_parent_id_tag text,
    steve_expiry_date timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint user_mappings_steve_ocpp_tag_pk_unique unique (steve_ocpp_tag_pk),
    constraint user_mappings_tag_type_check check (tag_type in ('ev_card', 'keytag', 'app', 'meta')),
    constraint user_mappings_billing_tier_check check (billing_tier in ('standard', 'comped'))
);
create index user_mappings_lago_customer on user_mappings (lago_customer_external_id);

create table issued_cards (
    id serial primary key,
    user_mapping_id integer not null references user_mappings on delete cascade,
    card_type text not null default 'ev_card',
    billing_mode text not null,
    issued_by text constraint issued_cards_issued_by_fkey references users,
    issued_at timestamptz not null default now()
);

create table reservations (
    id serial primary key,
    charge_box_id text not null,
    connector_id integer not null,
    steve_ocpp_tag_pk integer not null,
    steve_ocpp_id_tag text not null,
    lago_subscription_external_id text,
    start_at timestamptz not null,
    end_at timestamptz not null,
    duration_minutes integer not null,
    status text not null default 'pending',
    created_by_user_id text references users on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    cancelled_at timestamptz,
    constraint reservations_time_window_check check (end_at > start_at)
);

-- The sync -------------------------------------------------------------------------------------------------

create table sync_runs (
    id serial primary key,
    started_at timestamptz not null default now(),
    completed_at timestamptz,
    status text not null default 'running',
    transactions_processed integer default 0,
    events_created integer default 0,
    tags_activated integer default 0,
    tags_deactivated integer default 0,
    tags_unchanged integer default 0,
    errors text
);

create table sync_run_logs (
    id serial primary key,
    sync_run_id integer not null references sync_runs on delete cascade,
    segment text not null,
    level text not null default 'info',
    message text not null,
    context text,
    created_at timestamptz not null default now()
);

create table transaction_sync_state (
    id serial primary key,
    steve_transaction_id integer not null unique,
    last_synced_meter_value integer not null,
    total_kwh_billed numeric(12, 6) default 0,
    last_sync_run_id integer references sync_runs,
    is_finalized boolean default false,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table synced_transaction_events (
    id serial primary key,
    steve_transaction_id integer not null,
    transaction_sync_state_id integer references transaction_sync_state,
    lago_event_transaction_id text not null unique,
    user_mapping_id integer,
    kwh_delta numeric(12, 6) not null,
    meter_value_from integer not null,
    meter_value_to integer not null,
    is_final boolean default false,
    sync_run_id integer references sync_runs,
    synced_at timestamptz default now(),
    constraint synced_transaction_events_user_mapping_id_user_mappings_id_fk
        foreign key (user_mapping_id) references user_mappings
);
create index synced_transaction_events_transaction on synced_transaction_events (steve_transaction_id);

-- What it knows of Lago. The external ids are unique whether a row is marked deleted or not ------------------

create table lago_customers (
    lago_id text primary key,
    external_id text not null unique,
    name text,
    email text,
    currency text,
    payload jsonb not null,
    lago_updated_at timestamptz,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table lago_subscriptions (
    lago_id text primary key,
    external_id text not null unique,
    external_customer_id text not null,
    customer_lago_id text,
    plan_code text,
    status text,
    started_at timestamptz,
    terminated_at timestamptz,
    payload jsonb not null,
    synced_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table lago_webhook_events (
    id serial primary key,
    webhook_type text not null,
    object_type text,
    lago_object_id text,
    external_customer_id text,
    external_subscription_id text,
    raw_payload jsonb not null,
    replayed_by_user_id text references users on delete set null,
    received_at timestamptz not null default now(),
    processed_at timestamptz,
    processing_error text,
    notification_fired boolean not null default false
);

-- Triggers on user_mappings, which fire in the order of their names ---------------------------------------------

create function user_mappings_one_user_per_lago_customer() returns trigger language plpgsql as $$
declare
    holder text;
begin
    if new.user_id is null or new.lago_customer_external_id is null then
        return new;
    end if;
    select other.user_id into holder
    from user_mappings other
    where other.lago_customer_external_id = new.lago_customer_external_id
      and other.user_id <> new.user_id
      and other.id is distinct from new.id
    limit 1;
    if found then
        raise exception 'Lago customer % is already linked to user_id=%', new.lago_customer_external_id, holder
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;

create trigger trg_user_mappings_lago_user_consistency
    before insert or update of user_id, lago_customer_external_id on user_mappings
    for each row execute function user_mappings_one_user_per_lago_customer();

create function user_mappings_belong_to_customers() returns trigger language plpgsql as $$
declare
    holder_role text;
begin
    if new.user_id is null then
        return new;
    end if;
    select role into holder_role from users where id = new.user_id;
    if holder_role is distinct from 'customer' then
        raise exception 'A mapping of user_id=% must reference a customer (got role=%)',
            new.user_id, coalesce(holder_role, 'none')
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;

create trigger trg_user_mappings_userid_role
    before insert or update of user_id on user_mappings
    for each row execute function user_mappings_belong_to_customers();

-- The network that a pending signup came from, shown to the owner of the address, who may not have made it. Cleared once the address is confirmed.
alter table control.tenant add column requested_from text;

// Package events is what travels: the request a ticketing system posts, the
// commands on the queue and the status events that go back.
//
// The flow in words:
//
//	ticket webhook  -> Request    -> function intake      (plan and first command, one transaction)
//	command checkfitness    -> function checkfitness    (would the account be able to sign in; excluded from policies where that was agreed)
//	command create          -> function create          (the account exists in Entra, its password lies sealed)
//	command grantconsent    -> function grantconsent    (the vendor's application has its permissions, read back)
//	command assignrole      -> function assignrole      (the directory role is read back)
//	command grantrolegroup  -> function grantrolegroup  (waits for Exchange, then the membership is read back)
//	command assigntargets   -> function assigntargets   (whom the vendor's application is for: everybody, or chosen users)
//	command handover        -> function handover        (the password goes to the ticket, sealed or by link; or a new one is set)
//	command revoke          -> function revoke          (one part at a time: role groups, roles, disable, sessions, delete)
//	command fullsync        -> function fullsync        (inventory, drift, expiry, lost commands; one tenant a command)
//	command notify          -> function notify          (a Status to the ticket, in order; a Notice to the ticketing system and by mail)
//
// A command names a function, and that is its queue too. The plan of a request
// lies in the ledger; the runner (shared/step) sends the next command of the plan
// in the transaction that records the step before it as done.
package events

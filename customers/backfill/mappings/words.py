"""What exports call our columns, in the languages of those who send them."""

import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache

from kernel.columns import OPTIONAL


def _words(text: str) -> frozenset[str]:
    """Read a list of names as `squeezed` gives them: small letters, no accents, nothing between words."""
    return frozenset(text.split())


FULL_NAME = _words("""
    displayname name fullname customer customername client clientname contactname holder cardholder
    accountname kunde kundenname vollername anzeigename inhaber nomcomplet nomclient nomduclient kontakt
    titulaire klant klantnaam naam volledigenaam houder nombrecompleto cliente nombrecliente
    nombredelcliente titular nomecompleto nomecliente intestatario
""")
FIRST_NAME = _words("firstname givenname forename vorname prenom voornaam nombre nome")
LAST_NAME = _words("""
    lastname surname familyname nachname familienname zuname nom nomdefamille achternaam familienaam
    apellido apellidos primerapellido apellido1 apellidopaterno cognome
""")
# What stands between first and last name, and after it; without them people are called by other names.
MIDDLE_NAME = _words("""
    middlename middlenames infix tussenvoegsel tussenvoegsels voorvoegsel namensvorsatz vorsatzwort particule
    deuxiemeprenom segundonombre secondonome
""")
SECOND_LAST_NAME = _words("secondlastname segundoapellido apellido2 apellidomaterno secondocognome")
LAST_BESIDE_FIRST = _words("name naam")
COMPANY = _words("""
    company companyname organization organisation business firma firmenname unternehmen societe entreprise
    raisonsociale bedrijf bedrijfsnaam empresa razonsocial azienda ragionesociale societa
""")
STATUS = _words("""
    status state customerstatus contractstatus subscriptionstatus cardstatus zustand vertragsstatus
    kundenstatus kartenstatus statut etat estado stato toestand
""")
# How words for what has ended begin: `résilié` or `résiliée`, `cancelado` or `cancelada`.
ENDED = tuple(
    _words("""
    cancel terminat ended inactiv closed churned expired deleted blocked suspended archived deactivated
    disabled
    gekuendigt gekundigt beendet inaktiv gesperrt abgelaufen geloescht geloscht storniert ausgetreten
    deaktiviert
    resili annul termine inactif bloque supprime expire suspendu cloture desactive
    opgezegd beeindigd inactief geblokkeerd verlopen verwijderd geannuleerd gedeactiveerd
    anulad baja debaja bloquead terminad caducad eliminad desactivad suspendid
    disdett inattiv cessat bloccat scadut chius sospes disattivat
""")
)
# Columns of yes and no, which say that somebody is there, or is not.
ACTIVE = _words("""
    active isactive enabled isenabled valid isvalid aktiv istaktiv aktiviert freigeschaltet gueltig gultig
    actif estactif active valide activo activa habilitado actief geldig attivo attiva abilitato valido
""")
GONE = _words("""
    blocked isblocked locked islocked disabled isdisabled deleted isdeleted cancelled canceled terminated
    archived
    inactive gesperrt geloescht geloscht gekuendigt gekundigt inaktiv bloque supprime resilie inactif
    bloqueado inactivo geblokkeerd opgezegd inactief bloccato inattivo
""")
YES = _words("yes true 1 ja oui si wahr vrai verdadero vero waar j y s o x")
NO = _words("no false 0 nein non nee falsch faux falso onwaar n f")

FIELDS: Mapping[str, frozenset[str]] = {
    "email": _words("""
        email mail emailaddress mailaddress emailadresse mailadresse adressemail adresseemail courriel
        adressecourriel emailadres mailadres correo correoelectronico direcciondecorreo indirizzoemail
        postaelettronica
    """),
    "display_name": FULL_NAME,
    "external_id": _words("""
        externalid id customerid customerno customernumber customernr clientid clientnumber clientno accountid
        accountno accountnumber userid memberid membernumber contractid contractno contractnumber subscriberid
        subscriptionid uuid reference customerreference customerref customercode externalreference
        externalcustomerid kundennummer kundennr kundenno kdnr kundenid debitor debitornr debitorennummer
        debitorennr debitornummer vertragsnummer vertragsnr vertragsid mitgliedsnummer mitgliedsnr kontonummer
        numeroclient numclient nclient noclient idclient referenceclient codeclient numerodeclient
        numerocontrat
        numerodecontrat klantnummer klantnr klantid debiteurnummer debiteurnr contractnummer relatienummer
        numerocliente numerodecliente idcliente codigocliente codigodecliente numerocontrato numerodecontrato
        codicecliente numerocontratto codicecontratto
    """),
    "id_tag": _words("""
        idtag rfid rfiduid rfidtag rfidcard rfidnumber rfidcode uid taguid carduid tokenuid token tokenid tag
        tagid card cardno cardnumber cardid chargingcard chargecard badge badgeid badgenumber nfcuid hexuid
        karte kartennummer kartennr kartenid kartenuid ladekarte ladekartennummer ladekartennr rfidkarte
        rfidnummer rfidnr chip chipnummer chipnr transponder carte numerocarte numerodecarte nocarte carterfid
        numerobadge numerodebadge pas pasnummer laadpas laadpasnummer kaart kaartnummer tarjeta numerotarjeta
        numerodetarjeta tarjetarfid tessera numerotessera carta numerocarta schedarfid
    """),
    "plan_code": _words("""
        plancode plan planid planname tariff tariffname tariffcode tariffid pricegroup priceplan rateplan
        pricing product productname productcode subscriptionplan package tarif tarifname tarifbezeichnung
        tarifcode tarifgruppe preisgruppe preismodell produkt vertragsart abo abonnement abonnementtype
        formule forfait nomtarif offre tarief tariefnaam tariefgroep tariefplan pakket tarifa plandetarifa
        nombretarifa producto tariffa nometariffa pianotariffario piano listino prodotto offerta
    """),
    "start_date": _words("""
        startdate start startedat startsat startson subscriptionat contractstart subscriptionstart
        begindate validfrom activefrom activationdate activatedat customersince since vertragsbeginn beginn
        startdatum vertragsdatum eintrittsdatum eintritt gueltigab gultigab gueltigvon gultigvon kundeseit
        aktivseit datedebut debut datededebut
        debutcontrat datedeffet dateeffet datesouscription datedesouscription dateinscription
        dateactivation clientdepuis valableapartirdu begindatum ingangsdatum klantsinds
        geldigvanaf fechainicio fechadeinicio inicio fechaalta fechadealta alta validodesde clientedesde
        datainizio inizio datadiinizio validodal clientedal datainiziocontratto
    """),
}

_MORE_OPTIONAL = {
    "end_date": _words("""
        vertragsende enddatum ende gueltigbis gultigbis datefin fincontrat einddatum geldigtot fechafin
        fechadefin fechabaja datafine validoal finecontratto
    """),
    "billed_until": _words("""
        abgerechnetbis bezahltbis facturejusquau gefactureerdtot facturadohasta fatturatofinoal
    """),
    "old_amount": _words("""
        grundgebuehr grundgebuhr monatsbeitrag monatspreis preis betrag montant prix abonnementskosten bedrag
        ancienmontant alterpreis oudbedrag importeanterior prijs importe precio cuota importo prezzo canone
        price amount fee
    """),
    "open_usage_kwh": _words("""
        offenekwh offeneverbrauchkwh verbrauchkwh offenerverbrauch offenerverbrauchkwh nichtabgerechnetekwh
        unabgerechnetekwh kwhnonfactures consommationnonfacturee openverbruik openverbruikkwh
        ongefactureerdekwh consumopendiente kwhpendientes consumononfatturato kwhnonfatturati openkwh
    """),
    "opening_balance": _words("guthaben saldo solde tegoed prepaidguthaben credito"),
    "legal_name": _words("""
        firma firmenname unternehmen raisonsociale societe entreprise bedrijf bedrijfsnaam empresa razonsocial
        azienda ragionesociale
    """),
    "tax_identification_number": _words("""
        ustid umsatzsteuerid steuernummer uidnummer vatno numerotva numtva tva btwnummer btwnr cif nifcif
        partitaiva piva
        codicefiscale
    """),
    "address_line1": _words("""
        anschrift adresse strassehausnummer strasseundhausnummer strassenr rue adresse1 adres straat
        straatenhuisnummer direccion calle domicilio indirizzo via
    """),
    "address_line2": _words("""
        adresszusatz adresse2 complementadresse complementdadresse adres2 toevoeging direccion2 indirizzo2
    """),
    "zipcode": _words("postleitzahl codepostal cp codigopostal cap codicepostale"),
    "city": _words(
        "wohnort commune localite plaats woonplaats stad poblacion localidad municipio citta comune"
    ),
    "state": _words("bundesland kanton departement provincie provincia comunidadautonoma regione"),
    "country": _words("pais paese nazione landcode landeskuerzel codepays codigopais"),
    "phone": _words("""
        telefon telefonnummer telefonnr handy mobil mobilnummer portable numerodetelephone telefoon
        telefoonnummer
        mobiel telefono movil numerodetelefono cellulare mobilephone
    """),
    "locale": _words("""
        langue taal idioma lingua languagecode preferredlanguage customerlanguage sprachcode kundensprache
        korrespondenzsprache codelangue languecode taalcode voorkeurstaal correspondentietaal codigoidioma
        codicelingua
    """),
    "net_payment_term": _words("""
        zahlungsziel zahlungsfrist delaidepaiement delaipaiement betalingstermijn betaaltermijn plazodepago
        plazopago
        terminidipagamento
    """),
    "card_name": _words("""
        kartenname kennzeichen fahrzeug visualnumber nomdelacarte immatriculation vehicule kaartnaam kenteken
        voertuig matricula vehiculo targa veicolo numberplate
    """),
    "coupon": _words("""
        gutschein rabatt rabattcode coderemise remise korting kortingscode descuento cupon sconto
    """),
}


@lru_cache(maxsize=4096)
def squeezed(text: str) -> str:
    """Leave of a name what tells it from others: `Kunden-Nr.` and `KUNDENNR` are one."""
    plain = unicodedata.normalize("NFKD", text[:200].casefold())
    return "".join(char for char in plain if char.isalnum())


OPTIONAL_WORDS: Mapping[str, frozenset[str]] = {
    name: frozenset(map(squeezed, (name, *column.also))) | _MORE_OPTIONAL.get(name, frozenset())
    for name, column in OPTIONAL.items()
}
_ALL = frozenset().union(
    *FIELDS.values(),
    FIRST_NAME,
    MIDDLE_NAME,
    LAST_NAME,
    SECOND_LAST_NAME,
    COMPANY,
    STATUS,
    *OPTIONAL_WORDS.values(),
)


def is_named(name: str, words: Collection[str]) -> bool:
    return squeezed(name) in words


def holds(name: str, words: Collection[str], least: int) -> bool:
    """Return whether one of the words of some length is a part of a name."""
    own = squeezed(name)
    return any(len(word) >= least and word in own for word in words)


def has_ended(column: str, value: str) -> bool:
    """Return whether a value says of its row that it is over, in a column of states or of yes and no.

    One word only: what else is written into such a cell may name people, and values are shown.
    """
    said = squeezed(value)
    if is_named(column, STATUS):
        return len(value.split()) == 1 and said.startswith(ENDED)
    return (is_named(column, ACTIVE) and said in NO) or (is_named(column, GONE) and said in YES)


def knows(name: str) -> bool:
    """Return whether a name is one that exports use for anything that is read."""
    return is_named(name, _ALL)

"""Files of requests for copies: keys, plaintexts, packets."""

from wire import requests

from .tally import data, datas, expect, expect_refusal


def fields_of(case):
    return {
        "attempt": case["attempt"],
        "accepted": [int.from_bytes(count, "big") for count in datas(case["accepted"])],
        "held": [(place, int.from_bytes(data(seq), "big")) for place, seq in case["held"]],
        "wanted": datas(case["wanted"]),
    }


def request_file(file, tally):
    def keys(case):
        found = requests.keys(data(case["sid"]), data(case["root"]))
        expect("keys", (data(case["key"]), data(case["nonce_key"])), found)

    def plaintext(case):
        encoded = data(case["plaintext"])
        if case["expect"] == "refuse":
            expect_refusal(case, lambda: requests.split_plaintext(encoded))
            return
        expect("expect", "accept", case["expect"])
        fields = fields_of(case)
        expect("fields", fields, requests.split_plaintext(encoded))
        expect("encoding", encoded, requests.plaintext(fields))

    def packet(case):
        sid, root, packet = data(case["sid"]), data(case["root"]), data(case["packet"])
        if case["expect"] == "refuse":
            expect_refusal(case, lambda: requests.open_(sid, root, case["members"], packet))
            return
        expect("expect", "accept", case["expect"])
        found, fields = requests.open_(sid, root, case["members"], packet)
        expect("plaintext", case["plaintext"], found)
        expect("packet", packet, requests.seal(sid, root, fields))

    tally.each("keys", file["keys"], keys)
    tally.each("plaintexts", file["plaintexts"], plaintext)
    tally.each("cases", file["cases"], packet)

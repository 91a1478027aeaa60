// SPDX-License-Identifier: MIT
/* demo_sip: the SIPp scenarios and the configuration of `kedge demo`, as text. %N in them are filled in by demo_world.c. */
#ifndef KEDGE_TOOLS_DEMO_SIP_H
#define KEDGE_TOOLS_DEMO_SIP_H

/* Reads where the other side's audio is. */
#define DEMO_MEDIA \
	"<ereg regexp=\"c=IN IP4 ([^ \\r\\n]+)\" search_in=\"body\" check_it=\"false\" assign_to=\"all,ip\"/>" \
	"<ereg regexp=\"m=audio ([0-9]+)\" search_in=\"body\" check_it=\"false\" assign_to=\"all,port\"/>"

#define DEMO_SDP \
	"Content-Type: application/sdp\nContent-Length: [len]\n\n" \
	"v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [auto_media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\n"

/* An answer to the INVITE at hand. */
#define DEMO_ANSWER(line, attrs, body) \
	"<send" attrs "><![CDATA[\n\nSIP/2.0 " line "\nVia:[$via]\nFrom:[$from]\nTo:[$to];tag=[pid]-[call_number]\n[last_Call-ID:]\nCSeq:[$cseq]\n" \
	"Contact: <sip:[local_ip]:[local_port]>\n" body "\n]]></send>\n"
#define DEMO_EMPTY "Content-Length: 0\n"
#define DEMO_OK \
	"<send><![CDATA[\n\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n"

/* A pause that a CANCEL ends: SIPp has no other. */
#define DEMO_WAIT(ms, label) "<recv request=\"CANCEL\" timeout=\"" ms "\" ontimeout=\"" label "\" next=\"2\"/>\n<label id=\"" label "\"/>\n"

/* A carrier: rings after 60 ms, answers 120 ms later. Calls whose number matches %s get 503. Label 1: busy; 2: somebody cancelled; 9: end. */
static const char demo_carrier_xml[] =
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"carrier\">\n"
	"<recv request=\"INVITE\" rrs=\"true\"><action>"
	"<ereg regexp=\".*\" search_in=\"hdr\" header=\"Via:\" assign_to=\"via\"/><ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"from\"/>"
	"<ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"to\"/><ereg regexp=\".*\" search_in=\"hdr\" header=\"CSeq:\" assign_to=\"cseq\"/>"
	DEMO_MEDIA "<ereg regexp=\"INVITE sip:([^@;>]*)\" search_in=\"msg\" assign_to=\"all,number\"/>"
	"<ereg regexp=\"%s\" search_in=\"msg\" check_it=\"false\" assign_to=\"bad\"/>"
	"<log message=\"invited [$number]\"/></action></recv>\n"
	DEMO_ANSWER("100 Trying", "", DEMO_EMPTY)
	"<nop next=\"1\" test=\"bad\"/>\n"
	DEMO_WAIT("60", "3")
	DEMO_ANSWER("180 Ringing", "", DEMO_EMPTY)
	DEMO_WAIT("120", "4")
	DEMO_ANSWER("200 OK", " retrans=\"500\"", DEMO_SDP)
	"<recv request=\"ACK\"><action><log message=\"answered [$number]\"/><log message=\"start [call_number] [$ip] [$port] [$number]\"/></action></recv>\n"
	"<recv request=\"BYE\"><action><log message=\"stop [call_number]\"/><log message=\"over [$number]\"/></action></recv>\n"
	DEMO_OK
	"<nop next=\"9\"/>\n"
	"<label id=\"1\"/>\n<nop><action><log message=\"refused [$number]\"/></action></nop>\n"
	DEMO_ANSWER("503 Service Unavailable", "", DEMO_EMPTY)
	"<recv request=\"ACK\"/>\n<nop next=\"9\"/>\n"
	"<label id=\"2\"/>\n"
	DEMO_OK
	DEMO_ANSWER("487 Request Terminated", "", DEMO_EMPTY)
	"<recv request=\"ACK\"/>\n"
	"<label id=\"9\"/>\n" "<Reference variables=\"all,ip,port,number,via,from,to,cseq,bad\"/>\n" "</scenario>\n";

#define DEMO_HEAD(method, uri, branch, cseq, to) \
	method " " uri " SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-" branch "\n" \
	"From: <sip:1001@[local_ip]>;tag=[pid]-[call_number]\n" to "\nCall-ID: [call_id]\nCSeq: " cseq "\nContact: <sip:1001@[local_ip]:[local_port]>\n" \
	"Max-Forwards: 70\n"

/* The PBX: dials [field0], talks, hangs up after [field1] ms. */
static const char demo_pbx_xml[] =
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"pbx\">\n"
	"<nop><action><assignstr assign_to=\"text\" value=\"[field1]\"/><todouble assign_to=\"hold\" variable=\"text\"/>"
	"<log message=\"dialed [field0]\"/></action></nop>\n"
	"<send retrans=\"500\"><![CDATA[\n\n"
	DEMO_HEAD("INVITE", "sip:[field0]@[remote_ip]:[remote_port]", "i", "1 INVITE", "To: <sip:[field0]@[remote_ip]>") DEMO_SDP "\n]]></send>\n"
	"<recv response=\"100\" optional=\"true\"/>\n<recv response=\"180\" optional=\"true\"/>\n<recv response=\"183\" optional=\"true\"/>\n"
	"<recv response=\"200\" rrs=\"true\" timeout=\"9000\" ontimeout=\"9\"><action>" DEMO_MEDIA
	"<ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"to\"/>"
	"<log message=\"up [field0]\"/><log message=\"start [call_number] [$ip] [$port] [field0]\"/></action></recv>\n"
	"<send><![CDATA[\n\n" DEMO_HEAD("ACK", "[next_url]", "a", "1 ACK", "To:[$to]") "[routes]\nContent-Length: 0\n\n]]></send>\n"
	"<pause variable=\"hold\"/>\n"
	"<send retrans=\"500\"><![CDATA[\n\n" DEMO_HEAD("BYE", "[next_url]", "b", "2 BYE", "To:[$to]") "[routes]\nContent-Length: 0\n\n]]></send>\n"
	"<recv response=\"200\"><action><log message=\"over [field0]\"/></action></recv>\n"
	"<nop next=\"10\"/>\n<label id=\"9\"/>\n<nop><action><log message=\"failed [field0]\"/></action></nop>\n<label id=\"10\"/>\n"
	"<Reference variables=\"all,ip,port,to,text,hold\"/>\n</scenario>\n";

/* %d: the network's second number. Everything not named here is a default. */
static const char demo_config[] =
	"# What `kedge demo` ran with: one PBX, three carriers, on loopback.\n"
	"interfaces = (\n"
	"\t{ name = \"inside\";  address = \"127.%1$d.3.1\"; rtp_ports = \"20000-20999\"; },\n"
	"\t{ name = \"outside\"; address = \"127.%1$d.4.1\"; rtp_ports = \"21000-22999\"; }\n"
	");\n\n"
	"limits = { max_calls = 100; };\n"
	"log = { level = \"info\"; format = \"text\"; file = \"%2$s/kedge.log\"; };\n"
	"cdr = { file = \"%2$s/cdr.jsonl\"; };\n"
	"run = { dir = \"%2$s/run\"; drain = \"3s\"; };\n\n"
	"trunks = (\n"
	"\t{ name = \"pbx\"; side = \"pbx\";     uri = \"sip:127.%1$d.1.1:5060\"; },\n"
	"\t{ name = \"a\";   side = \"carrier\"; uri = \"sip:127.%1$d.2.1:5060\"; carrier = \"alpha\"; pop = \"lon1\"; },\n"
	"\t{ name = \"b\";   side = \"carrier\"; uri = \"sip:127.%1$d.2.2:5060\"; carrier = \"beta\";  pop = \"fra2\"; },\n"
	"\t{ name = \"c\";   side = \"carrier\"; uri = \"sip:127.%1$d.2.3:5060\"; carrier = \"gamma\"; pop = \"par1\"; }\n"
	");\n\n"
	"profiles = ( { name = \"outbound\"; max_retries = 2; targets = ( { trunk = \"a\"; }, { trunk = \"b\"; }, { trunk = \"c\"; } ); } );\n"
	"routes = ( { name = \"out\"; from = \"pbx\"; profile = \"outbound\"; } );\n";

#endif

package week

// dialogue is what is said, the customer first, in turns.
type dialogue struct {
	department, language, tag, page string
	turns                           []string
}

type rating struct {
	score   int
	comment string
}

var people = []struct{ name, language string }{
	{"Anna", "de"}, {"Claire", "fr"}, {"Tom", "en"}, {"Lucía", "es"}, {"Jürgen", "de"}, {"Emily", "en"}, {"Mehmet", "de"}, {"Hélène", "fr"}, {"Oliver", "en"},
	{"Marta", "es"}, {"Sabine", "de"}, {"Priya", "en"}, {"François", "fr"}, {"Kasia", "en"}, {"Björn", "de"}, {"Sofía", "es"}, {"Ian", "en"},
}

var families = map[string][]string{
	"de": {"Müller", "Schröder", "Yılmaz", "Weiß", "Hoffmann", "Krüger"}, "en": {"Baker", "O'Neill", "Patel", "Nowak", "Hughes", "Marsh"},
	"fr": {"Dubois", "Lefèvre", "Garçon", "Moreau"}, "es": {"García", "Núñez", "Ortega", "Vidal"},
}

var items = map[string][]string{
	"en": {"green jumper", "merino cardigan", "wool hat", "scarf", "knitted dress", "pair of socks"},
	"de": {"grünen Pullover", "Merino-Cardigan", "Wollschal", "Strickrock", "Poncho"},
	"fr": {"pull vert", "gilet mérinos", "bonnet", "poncho"}, "es": {"jersey verde", "gorro de lana", "poncho"},
}

var greetings = map[string]string{
	"en": "Hello! I am Wollwerk's bot. I can look up orders and sizes. Write “person” at any time and somebody takes over.",
	"de": "Hallo! Ich bin der Bot von Wollwerk. Ich finde Bestellungen und Größen. Schreiben Sie jederzeit „Mensch“, dann übernimmt jemand.",
	"fr": "Bonjour ! Je suis le robot de Wollwerk. Écrivez « personne » à tout moment et quelqu'un prendra la suite.",
	"es": "¡Hola! Soy el bot de Wollwerk. Escribe «persona» cuando quieras y te atiende alguien del equipo.",
}

var notes = []string{
	"Warehouse says {order} left on Tuesday.", "Regular customer, be generous.", "{order}: carrier lost the first parcel already.",
	"Size chart on the page is wrong for this one, told Mia.", "Voucher of 10 % offered for the trouble.", "Waiting for the supplier's answer about the {item}.",
}

var ratings = map[string][]rating{
	"en": {{5, "Quick and friendly, thank you!"}, {5, ""}, {4, "Took a while, but solved."}, {4, ""}, {3, ""}, {2, "I had to explain everything twice."}},
	"de": {{5, "Super schnell, danke!"}, {5, ""}, {4, "Freundlich."}, {3, "Die Wartezeit war lang."}, {1, "Das hilft mir nicht weiter."}},
	"fr": {{5, "Très aimable, merci."}, {4, ""}, {3, "Un peu long."}}, "es": {{5, "¡Muy bien!"}, {4, ""}, {2, "Esperé demasiado."}},
}

const shop = "https://wollwerk.example"

var dialogues = []dialogue{
	{Orders, "en", "delivery", shop + "/orders", []string{
		"Hi, my order {order} should have been here on Monday. Where is it?", "Hello {name}, let me look. One moment, please.",
		"Thanks", "It is at the depot in {city} since last night; the carrier comes tomorrow before noon.",
		"Can they leave it with a neighbour?", "Yes. I have just told them so, you get a mail about it.", "Perfect, thanks a lot", "Gladly, {name}. Have a good day!",
	}},
	{Orders, "en", "payment", shop + "/checkout", []string{
		"My voucher does not work at the checkout, it says “expired”", "That should not be. Which code is it?", "WINTER10, from last week's newsletter",
		"I see. It works from 40 € on, and the {item} is 38. I have made you another one without a limit: HELLO-{order}", "Oh nice, it works now!",
	}},
	{Orders, "en", "damaged", shop + "/orders", []string{
		"The {item} from {order} has a hole in the sleeve :(", "Oh no, I am sorry. Could you send us a picture?", "I'll do it tonight, I'm at work",
		"No hurry. I have already had a new one put aside for you in size {size}.", "You are great", "A new one leaves today. Keep the other one, or give it to somebody who mends.",
	}},
	{Orders, "de", "delivery", shop + "/de/bestellungen", []string{
		"Guten Tag, meine Bestellung {order} ist seit fünf Tagen „in Zustellung“. Stimmt da etwas nicht?", "Guten Tag {name}, ich sehe gleich nach.",
		"Danke", "Das Paket lag in {city} fest, es kommt morgen. Das tut mir leid.", "Gut, morgen bin ich da.", "Dann viel Freude mit dem {item}!",
	}},
	{Orders, "de", "payment", shop + "/de/kasse", []string{
		"Ich wurde zweimal belastet! Bestellung {order}", "Das klären wir sofort. Sehen Sie beide Buchungen auf dem Konto?", "Ja, zweimal 84,90",
		"Eine davon ist nur vorgemerkt und verfällt bis Freitag. Ich schreibe es Ihnen auch per Mail.", "Okay, dann warte ich bis Freitag. Sonst melde ich mich.",
	}},
	{Orders, "fr", "delivery", shop + "/fr/commandes", []string{ //nolint:misspell // French
		"Bonjour, puis-je encore changer l'adresse de livraison de {order} ?", "Bonjour {name}, oui, elle n'est pas encore partie. Quelle est la nouvelle adresse ?",
		"12 rue des Tilleuls, 69003 Lyon", "C'est noté, vous recevrez une confirmation.", "Merci beaucoup !", "Avec plaisir, bonne journée.",
	}},
	{Orders, "es", "delivery", shop + "/es/pedidos", []string{
		"Hola, ¿cuándo llega mi pedido {order}?", "Hola {name}, déjame mirar.", "Gracias", "Sale hoy y llega el jueves.", "¡Genial!", "Que disfrutes del {item}.",
	}},
	{Sizes, "en", "size", shop + "/knitwear", []string{
		"I'm usually {size}, does the {item} run large?", "Hi {name}! A little. If you like it close, take one size down.", "And if I want to wear a shirt below it?",
		"Then your own size is right.", "Thank you, ordering now", "Enjoy it!",
	}},
	{Sizes, "en", "size", shop + "/care", []string{
		"Does the {item} itch? I have sensitive skin", "It is merino of 18.5 microns, which most people do not feel at all. You may send it back when worn at home for a day.",
		"Sounds fair. And washing?", "By hand, at 30 °C, lying flat to dry. There is an article on it in our help.",
	}},
	{Sizes, "de", "size", shop + "/de/strick", []string{
		"Fällt der {item} eher klein aus? Ich trage sonst {size}.", "Hallo {name}, er fällt großzügig aus. Zwischen zwei Größen nehmen Sie die kleinere.",
		"Und die Länge?", "64 cm vorne, in {size} gemessen.", "Danke, das hilft mir.", "Gern geschehen!",
	}},
	{Sizes, "fr", "size", shop + "/fr/tricots", []string{
		"Le {item} taille-t-il grand ?", "Un peu, oui. Quelle taille portez-vous d'habitude ?", "Du {size}", "Alors gardez votre taille.", "Merci !",
	}},
	{Sizes, "es", "size", shop + "/es/punto", []string{
		"¿El {item} talla grande?", "Un poco, {name}. Si dudas, la talla menor.", "Perfecto, gracias", "¡A ti!",
	}},
	{Returns, "en", "return", shop + "/returns", []string{
		"How do I send the {item} back? Order {order}", "Hello {name}! Under “Orders” in your account you find the label. It costs you nothing.",
		"I have no printer", "The shop at the corner prints it: show them the code that I have just mailed you.", "Got it, thank you", "The money is with you three to five days after it arrives here.",
	}},
	{Returns, "en", "return", shop + "/returns", []string{
		"I sent {order} back two weeks ago and still have no money. Next I ask my lawyer!", "I understand that you are cross, {name}. Let me see where it is.",
		"Please do", "It arrived on Friday, and I have just had the refund made. You will see it on Wednesday at the latest.", "OK. Why did nobody tell me?", "You are right, a mail should have gone out. I have passed it on.",
	}},
	{Returns, "de", "return", shop + "/de/ruecksendung", []string{
		"Kann ich den {item} gegen {size} tauschen?", "Ja gern. Ich lege {size} für Sie zurück, sobald Sie das Etikett gedruckt haben.", "Mache ich heute Abend",
		"Wunderbar, die Reservierung gilt eine Woche.", "Danke schön!",
	}},
	{Returns, "fr", "damaged", shop + "/fr/retours", []string{
		"Le colis {order} est arrivé ouvert.", "Je suis désolé. Manque-t-il quelque chose ?", "Oui, le {item}", "Nous vous le renvoyons aujourd'hui même, sans frais.", "Merci",
	}},
	{Returns, "es", "return", shop + "/es/devoluciones", []string{
		"Quiero devolver el {item} del pedido {order}, ¿cómo lo hago?", "Hola {name}. En tu cuenta, en «Pedidos», está la etiqueta. No te cuesta nada.",
		"No tengo impresora", "No pasa nada: enseña en la tienda el código que acabo de mandarte.", "Perfecto, gracias", "El dinero te llega de tres a cinco días después.",
	}},
	{Invoices, "en", "invoice", shop + "/account", []string{"Hello, I need an invoice with our VAT number for {order}. Could you mail it to me?"}},
	{Invoices, "de", "invoice", shop + "/de/konto", []string{"Guten Tag, auf der Rechnung zu {order} fehlt unsere USt-IdNr. Bitte um eine neue."}},
	{Invoices, "es", "invoice", shop + "/es/cuenta", []string{"Hola, necesito la factura de {order} con el NIF de la empresa. ¿Me la podéis mandar?"}},
	{Invoices, "fr", "invoice", shop + "/fr/compte", []string{"Bonjour, pourriez-vous m'envoyer la facture de {order} au nom de l'entreprise ?"}},
}

package week

import "github.com/parley-chat/parley/internal/workspace"

var cannedTexts = []workspace.Canned{
	{Shortcut: "hello", Title: "Hello", Text: "Hello {{customer.firstName|there}}, this is {{operator.firstName}}. Let me look."},
	{Shortcut: "where", Title: "Where is it", Text: "Your parcel for order {{field.order|…}} is on its way; the carrier says tomorrow before noon."},
	{Shortcut: "label", Title: "Return label", Text: "You can print the label from your order's page, or show the code at the shop. Sending it back costs you nothing."},
	{Shortcut: "picture", Title: "A picture, please", Text: "Could you send us a picture of it? Then I can have a new one sent today."},
	{Shortcut: "refund", Title: "Refund", Text: "We pay back as you paid, three to five working days after the parcel is here."},
	{Shortcut: "invoice", Title: "Invoice", Text: "The invoice lies in your account under “Orders”. With your company's VAT number I can make it out anew."},
	{Shortcut: "hallo", Title: "Hallo (deutsch)", Text: "Hallo {{customer.firstName|und guten Tag}}, hier ist {{operator.firstName}}. Ich sehe gleich nach."},
	{Shortcut: "bye", Title: "Good-bye", Text: "Gladly. Have a good day!"},
}

var articleTexts = []workspace.Article{
	{Card: workspace.Card{Title: "How to send something back", Slug: "returns", Tags: []string{"return"}, Status: workspace.ArticlePublished, Locale: "en"},
		Markdown: "You have **30 days**.\n\n1. Open *Orders* in your account.\n2. Choose what comes back, and why.\n3. Print the label, or show the code at the shop.\n\nWe pay back as you paid, three to five working days after the parcel is here."},
	{Card: workspace.Card{Title: "So schicken Sie etwas zurück", Slug: "returns", Tags: []string{"return"}, Status: workspace.ArticlePublished, Locale: "de"},
		Markdown: "Sie haben **30 Tage** Zeit.\n\n1. Öffnen Sie *Bestellungen* in Ihrem Konto.\n2. Wählen Sie, was zurückkommt, und warum.\n3. Drucken Sie das Etikett, oder zeigen Sie den Code im Laden."},
	{Card: workspace.Card{Title: "Which size fits me?", Slug: "sizes", Tags: []string{"size"}, Status: workspace.ArticlePublished, Locale: "en"},
		Markdown: "Our knitwear is cut *generously*. If you are between two sizes, take the smaller one.\n\n| Size | Chest, cm |\n|---|---|\n| S | 88–94 |\n| M | 95–102 |\n| L | 103–110 |"},
	{Card: workspace.Card{Title: "Delivery times", Slug: "delivery", Tags: []string{"delivery"}, Status: workspace.ArticlePublished, Locale: "en"},
		Markdown: "Germany, Austria: two working days. France, Benelux: three. Spain, Poland, Ireland: four to five.\n\nYou get the carrier's number by mail when the parcel leaves us."},
	{Card: workspace.Card{Title: "Délais de livraison", Slug: "delivery", Tags: []string{"delivery"}, Status: workspace.ArticlePublished, Locale: "fr"},
		Markdown: "France et Benelux : trois jours ouvrés. Vous recevez le numéro de suivi par courriel dès que le colis part."},
	{Card: workspace.Card{Title: "Washing wool", Slug: "washing-wool", Tags: []string{"size"}, Status: workspace.ArticlePublished, Locale: "en"},
		Markdown: "By hand, at 30 °C, with little soap. Dry it lying. Never wring it.\n\nPilling is no fault: a comb takes it off."},
	{Card: workspace.Card{Title: "Invoices for companies", Slug: "invoices", Tags: []string{"invoice"}, Status: workspace.ArticleDraft, Locale: "en"},
		Markdown: "Give your VAT number at the checkout. Afterwards, write to us."},
}
